// As mocked.mjs, by `require`.
const { setupServer } = require('msw/node')
const { fromInstanceRole } = require('instance-role')
const { emulateInstance } = require('instance-role/testing')

async function main() {
  const instance = emulateInstance()
  const server = setupServer(...instance.handlers)
  server.listen({ onUnhandledRequest: 'error' })
  const credentials = fromInstanceRole({ endpoint: 'http://127.0.0.1:59999', retries: 0 })
  const { accessKeyId } = await credentials()
  const { accessKeyId: expected } = instance.credentials
  instance.failUntilLifted('all', { status: 503 })
  const kept = await credentials({ forceRefresh: true })
  const { lastErrorCode } = credentials.status()
  server.close()
  await instance.close()
  const seen = { loads: accessKeyId === expected, keeps: kept.accessKeyId === expected, lastErrorCode }
  console.log(JSON.stringify({ version: process.version, ...seen }))
}

main()
