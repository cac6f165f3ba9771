// Ten clients of SDK v3 that say nothing of credentials, asked again and again for so many seconds; 0 asks once.
import { setTimeout as sleep } from 'node:timers/promises'
import { fromHttp } from '@aws-sdk/credential-providers'
import { STSClient } from '@aws-sdk/client-sts'

const [seconds = '0'] = process.argv.slice(2)
const clients = Array.from({ length: 10 }, () => new STSClient({ region: 'eu-central-1' }))
const seen = { keys: new Set(), calls: 0, failures: [], endedWell: false, told: undefined }
const until = Date.now() + Number(seconds) * 1000

do {
  const results = await Promise.allSettled(clients.map((client) => client.config.credentials()))
  seen.endedWell = results.every(({ status }) => status === 'fulfilled')
  for (const { status, value, reason } of results) {
    seen.calls += 1
    if (status === 'fulfilled') seen.keys.add(value.accessKeyId)
    else seen.failures.push(`${reason.name}: ${reason.message}`)
  }
  if (Date.now() < until) await sleep(250)
} while (Date.now() < until)

if (seen.failures.length > 0) {
  seen.told = await fromHttp({ maxRetries: 0 })().then(
    () => undefined,
    (error) => error.Message,
  )
}
console.log(JSON.stringify({ ...seen, keys: [...seen.keys] }))
