import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { head, serveRaw } from '../raw-server.js'
import { FIRST_LOAD } from '../setup.js'
import { listeningInstance, outputOf } from './child.js'

/** The status of a request of the application's own, which the flag applies to, and what the library makes of the same answer. */
const ASK_BOTH = `
  import http from 'node:http'
  import { fromInstanceRole } from 'instance-role'
  const own = await new Promise((resolve) => http.get(process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT)
    .on('response', ({ statusCode }) => resolve(statusCode)).on('error', ({ code }) => resolve(code)))
  const ours = await fromInstanceRole({ retries: 0 })().then(() => 'credentials', ({ code }) => code)
  console.log(JSON.stringify({ own, ours }))
  process.exit()`

const FLAGS: readonly { flag: string; answer: (socket: Socket) => void }[] = [
  {
    flag: '--insecure-http-parser',
    // Both lengths: what request smuggling is made of.
    answer: (socket) =>
      socket.end(`${head('Transfer-Encoding: chunked', 'Content-Length: 2')}2\r\nok\r\n0\r\n\r\n`),
  },
  {
    flag: '--max-http-header-size=1000000',
    answer: (socket) => socket.end(`${head(`X-More: ${'x'.repeat(40_000)}`, 'Content-Length: 2')}ok`),
  },
]

test.each(FLAGS)('refuses a response that $flag makes the process accept', async ({ flag, answer }) => {
  await using server = await serveRaw(answer)
  const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: server.endpoint }
  expect(await outputOf({ source: ASK_BOTH, format: 'mjs', nodeArgs: [flag], env })).toEqual({
    own: 200,
    ours: 'BAD_RESPONSE',
  })
})

test('reads the headers of IMDS although --max-http-header-size allows the process none', async () => {
  const { server, instance } = await listeningInstance()
  const nodeArgs = ['--max-http-header-size=16']
  expect(await outputOf({ source: ASK_BOTH, format: 'mjs', nodeArgs, env: server.env })).toEqual({
    own: 'HPE_HEADER_OVERFLOW',
    ours: 'credentials',
  })
  expect(instance.requests.slice(-3)).toEqual(FIRST_LOAD)
})
