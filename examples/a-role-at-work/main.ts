import { S3Client } from '@aws-sdk/client-s3'
import { STSClient } from '@aws-sdk/client-sts'
import { fromInstanceRole } from 'instance-role'
import { emulateInstance } from 'instance-role/testing'
import { startVerifyingAwsEndpoint } from '../emulated-aws/verifying-aws-endpoint.js'
import { forgetAwsSettings } from '../forget-aws-settings.js'
import { setsInUse } from './accounts.js'
import { createNarrator } from './narrator.js'
import { tell } from './story.js'
import { summarize } from './summary.js'
import { createWorkload } from './workload.js'

forgetAwsSettings()

// EC2 gives six hours; a watcher is not to wait for three.
const instance = emulateInstance({
  roleName: 'app-role',
  instanceProfileName: 'web-servers',
  lifetimeMs: 10_000,
  renewEveryMs: 2_000,
})
const imds = await instance.listen()
const findCredentials = (accessKeyId: string) => instance.findCredentials(accessKeyId)
const aws = await startVerifyingAwsEndpoint({ findCredentials })

const credentials = fromInstanceRole({ endpoint: imds.endpoint })
const configuration = { endpoint: aws.url, region: 'eu-central-1', credentials }
const clients = {
  s3: new S3Client({ ...configuration, forcePathStyle: true }),
  sts: new STSClient(configuration),
}

const startedAt = performance.now()
const narrator = createNarrator(process.stdout, startedAt)
narrator.say('An emulated EC2 instance with a role, and real AWS SDK clients that live on it.')
narrator.say('Credentials live 10 s here (6 h on EC2). What plays AWS verifies every signature.\n')

const workload = createWorkload(clients)
const setsSoFar = () => setsInUse(aws.requests, findCredentials)
const atWork = new AbortController()
const worked = workload.run(atWork.signal)
const told = await tell({ ...workload, instance, narrator, setsSoFar })
atWork.abort()
await worked

const holds = summarize(
  {
    elapsedMs: performance.now() - startedAt,
    workload,
    told,
    sets: setsSoFar(),
    awsRequests: aws.requests,
    imdsRequests: instance.requests,
  },
  narrator,
)
process.exitCode = holds ? 0 : 1

clients.s3.destroy()
clients.sts.destroy()
await credentials.close()
await aws.close()
await instance.close()
