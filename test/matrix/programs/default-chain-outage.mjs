// Ten clients with default credentials, called in turn, one call each half second; counts those that fail.
import { setTimeout as sleep } from 'node:timers/promises'
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'

const [aws, calls] = process.argv.slice(2)
const configuration = { region: 'eu-central-1', endpoint: aws, forcePathStyle: true }
const clients = Array.from({ length: 10 }, () => new S3Client(configuration))
const errors = []
const pending = []
for (let call = 0; call < Number(calls); call += 1) {
  const client = clients[call % clients.length]
  pending.push(
    client.send(new ListBucketsCommand({})).catch(({ name, message }) => errors.push(`${name}: ${message}`)),
  )
  await sleep(500)
}
await Promise.all(pending)
console.log(JSON.stringify({ failed: errors.length, errors: [...new Set(errors)].join('; ') }))
