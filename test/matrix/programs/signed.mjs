// Runs with an AWS SDK of some version; says what the service made of each request. The service knows who signed it.
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { fromInstanceRole, refreshOnExpiredToken } from 'instance-role'

const [endpoint, control, aws] = process.argv.slice(2)
const tell = (what) => fetch(`${control}/${what}`, { method: 'POST' })

const credentials = fromInstanceRole({ endpoint })
const configuration = { region: 'eu-central-1', endpoint: aws, forcePathStyle: true, credentials }
const client = new S3Client(configuration)
const list = (by) =>
  by.send(new ListBucketsCommand({})).then(
    () => 'accepted',
    ({ name }) => name,
  )

const first = await list(client)
await tell('rotate')
await credentials({ forceRefresh: true })
const afterRefresh = await list(client)

await tell('disown')
await tell('rotate')
const recovered = await list(refreshOnExpiredToken(new S3Client(configuration), credentials))

console.log(JSON.stringify({ first, afterRefresh, recovered }))
