import { fromInstanceMetadata } from '@aws-sdk/credential-providers'
import { fromInstanceRole } from 'instance-role'
import { emulateInstance } from 'instance-role/testing'
import { startVerifyingAwsEndpoint } from '../emulated-aws/verifying-aws-endpoint.js'
import { forgetAwsSettings } from '../forget-aws-settings.js'
import { setsInUse } from './accounts.js'
import { type Application, createApplication } from './application.js'
import { createFastTime } from './fast-time.js'
import { createNarrator } from './narrator.js'
import { type Actor, type Part, tell, type Told } from './story.js'
import { type Evidence, summarize } from './summary.js'

forgetAwsSettings()

const time = createFastTime()
const instance = emulateInstance({
  clock: time.imdsClock,
  roleName: 'app-role',
  instanceProfileName: 'web-servers',
  onRequest: () => time.noticeRequest(),
})
const imds = await instance.listen()
Object.assign(process.env, imds.env)
const findCredentials = (accessKeyId: string) => instance.findCredentials(accessKeyId)
const aws = await startVerifyingAwsEndpoint({ findCredentials })

const ours = fromInstanceRole()
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const theirs = fromInstanceMetadata({ logger: SILENT })

const ourRequests = () => ours.status().requests
const stage = (application: Application, imdsRequests: () => number): Actor =>
  Object.assign(application, {
    sets: () => setsInUse(aws.requests.filter(application.made), findCredentials),
    imdsRequests,
  })
const actors: readonly [Actor, Actor] = [
  stage(createApplication({ name: 'instance-role', endpoint: aws.url, credentials: ours }), ourRequests),
  // A client caches the credentials of this provider until five minutes before they expire.
  stage(
    createApplication({ name: "AWS's provider", endpoint: aws.url, credentials: theirs }),
    () => instance.requests.length - ourRequests(),
  ),
]

const narrator = createNarrator(process.stdout)
narrator.say('Half a day on an emulated EC2 instance, in about 15 seconds. Two applications')
narrator.say('call S3 and STS every four minutes, one with the credentials of instance-role,')
narrator.say("one with those of AWS's fromInstanceMetadata(). The emulated AWS checks every")
narrator.say('signature and expiration. Clocks run fast, the network does not: ms are real.\n')
narrator.row(
  'time   IMDS',
  actors.map(({ name }) => name),
)

const told = await tell({ instance, time, narrator, actors })
narrator.say('')
narrator.row(
  '  In all',
  actors.map(({ name }) => name),
)
const holds = summarize([evidenceOf(0), evidenceOf(1)], narrator)
process.exitCode = holds ? 0 : 1

for (const actor of actors) actor.close()
await ours.close()
await aws.close()
await instance.close()
time.release()

function evidenceOf(index: 0 | 1): Evidence {
  const { calls, identities, sets, imdsRequests, made } = actors[index]
  return {
    ...{ calls, identities, sets: sets(), imdsRequests: imdsRequests() },
    awsRequests: aws.requests.filter(made),
    parts: partsOf(told, index),
  }
}

function partsOf(acts: Told, index: number): Evidence['parts'] {
  const none: Part = { calls: [], imdsRequests: 0 }
  return new Map([...acts].map(([name, parts]) => [name, parts[index] ?? none]))
}
