// A program with ten clients that say nothing of credentials: the SDK's default chain finds them. In as many processes as it is told.
import { fork } from 'node:child_process'
import console from 'node:console'
import { once } from 'node:events'
import process from 'node:process'
import { STSClient } from '@aws-sdk/client-sts'

const processes = Number(process.argv[2] ?? '1')

if (processes > 1) {
  const children = Array.from({ length: processes }, () => fork(process.argv[1] ?? '', ['1']))
  const statuses = await Promise.all(children.map((child) => once(child, 'exit')))
  process.exitCode = statuses.every(([status]) => status === 0) ? 0 : 1
} else {
  const clients = Array.from({ length: 10 }, () => new STSClient({ region: 'eu-central-1' }))
  const all = await Promise.all(clients.map((client) => client.config.credentials()))
  for (const { accessKeyId } of all) console.log(accessKeyId)
}
