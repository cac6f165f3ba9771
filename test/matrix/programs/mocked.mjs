// Runs where msw is installed: msw intercepts what the packed package asks of IMDS, with no set-up.
import { setupServer } from 'msw/node'
import { fromInstanceRole } from 'instance-role'
import { emulateInstance } from 'instance-role/testing'

const instance = emulateInstance()
const server = setupServer(...instance.handlers)
server.listen({ onUnhandledRequest: 'error' })
// Nobody listens there, in case that msw does not intercept.
const credentials = fromInstanceRole({ endpoint: 'http://127.0.0.1:59999', retries: 0 })
const { accessKeyId } = await credentials()
const { accessKeyId: expected } = instance.credentials
instance.failUntilLifted('all', { status: 503 })
const kept = await credentials({ forceRefresh: true })
const { lastErrorCode } = credentials.status()
server.close()
await instance.close()

console.log(
  JSON.stringify({
    version: process.version,
    loads: accessKeyId === expected,
    keeps: kept.accessKeyId === expected,
    lastErrorCode,
  }),
)
