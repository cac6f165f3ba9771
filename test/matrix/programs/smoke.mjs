// Runs in an application that has installed the packed package, on whichever runtime; says what it saw as one line of JSON.
import { S3Client } from '@aws-sdk/client-s3'
import { fromInstanceRole } from 'instance-role'

const [endpoint, control, unconnectable] = process.argv.slice(2)
const tell = (what) => fetch(`${control}/${what}`, { method: 'POST' })

const credentials = fromInstanceRole({ endpoint })
const first = await credentials()
await tell('rotate')
const refreshed = await credentials({ forceRefresh: true })
const client = new S3Client({ region: 'eu-central-1', credentials })
const signing = await client.config.credentials()
await tell('break')
const kept = await credentials({ forceRefresh: true })
const { lastErrorCode } = credentials.status()
await tell('mend')

await tell('hush')
const unanswered = await codeOf({ endpoint })
const unreachable = await codeOf({ endpoint: unconnectable })

/** The error's code, `none` without one, or that it took too long. */
async function codeOf(options) {
  const startedAt = Date.now()
  const code = await fromInstanceRole({ ...options, isolated: true, timeout: 300, retries: 0 })().then(
    () => 'none',
    (error) => error.code,
  )
  return Date.now() - startedAt < 3_000 ? code : 'too late'
}

console.log(
  JSON.stringify({
    version: process.version,
    loads: first.accessKeyId !== undefined,
    refreshes: refreshed.accessKeyId !== first.accessKeyId,
    servesAClient: signing.accessKeyId === refreshed.accessKeyId,
    survivesAnOutage: kept.accessKeyId === refreshed.accessKeyId && lastErrorCode,
    unanswered,
    unreachable,
  }),
)
