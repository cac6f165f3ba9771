import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { fromInstanceRole } from '../../src/index.js'
import { emulateInstance } from '../../src/testing/index.js'
import { healthOf } from './health.js'

await using instance = emulateInstance()
const { endpoint } = await instance.listen()
const credentials = fromInstanceRole({ endpoint })

const server = http.createServer((_request, response) => {
  const health = healthOf(credentials, Date.now())
  response.writeHead(health.status === 'failing' ? 503 : 200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(health, undefined, 2))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo

async function show(when: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/health`)
  console.log(`${when}: ${response.status} ${await response.text()}`)
}

await show('before the first call')
await credentials()
await show('with credentials')
instance.failUntilLifted('all', { status: 500 })
await credentials({ forceRefresh: true })
await show('with IMDS down')
server.close()
