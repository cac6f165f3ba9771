import { once } from 'node:events'
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { listenOnLoopback, type ListenOptions } from '../../src/cli/listen-on-loopback.js'
import { ending, lines, oddRequest, sendRaw } from './odd-requests.js'

const TOKEN = 'FAKE-token-of-this-server'
const SECRET = 'FAKE/secret/access/key'
const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === '::1')

/** A server of credentials that never change, on a free port. */
async function setup(where: Partial<ListenOptions> = {}) {
  const credentials = () =>
    Promise.resolve({
      accessKeyId: 'FAKEACCESSKEYID',
      secretAccessKey: SECRET,
      sessionToken: 'FAKE/session/token',
      expiration: new Date('2026-01-01T06:00:00Z'),
      $source: { CREDENTIALS_IMDS: '0' as const },
    })
  const endpoint = { token: TOKEN, credentials, state: () => 'ok' as const }
  const server = await listenOnLoopback(endpoint, { port: 0, ipv6: false, ...where })
  onTestFinished(() => server.close())
  return { port: server.port, url: `http://127.0.0.1:${server.port}/credentials` }
}

async function ask(url: string, headers: Record<string, string> = {}, agent: Agent | false = false) {
  const request = httpRequest(url, { headers: { Authorization: TOKEN, ...headers }, agent }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { status: response.statusCode, headers: response.headers, body: await text(response) }
}

test('forbids caching and reading from a web page', async () => {
  const { url } = await setup()
  const { status, headers } = await ask(url)
  expect(status).toBe(200)
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
})

test('answers no preflight', async () => {
  const { port } = await setup()
  const preflight = lines(
    'OPTIONS /credentials HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Origin: https://attacker.example',
    'Access-Control-Request-Method: GET',
    'Access-Control-Request-Headers: authorization',
    'Access-Control-Request-Private-Network: true',
  )
  const response = await sendRaw(port, preflight)
  expect(response).toMatch(/^HTTP\/1\.1 403 /)
  expect(response).not.toMatch(/^access-control-/im)
})

test('keeps a connection for 100 requests', async () => {
  const { url } = await setup()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => {
    agent.destroy()
  })
  const sockets = new Set<string | undefined>()
  for (let count = 0; count < 100; count += 1) {
    const { headers } = await ask(url, {}, agent)
    sockets.add(headers['connection'])
  }
  expect([...sockets]).toEqual(['keep-alive', 'close'])
})

test.each([2, 1_000])('answers none of %i requests that arrive together', async (count) => {
  const { port } = await setup()
  const request = lines('GET /healthz HTTP/1.1', `Host: 127.0.0.1:${port}`)
  const response = await sendRaw(port, request.repeat(count))
  expect(response.match(/^HTTP\/1\.1 .*$/gm)).toEqual(['HTTP/1.1 400 Bad Request'])
})

test('keeps at most 256 connections, so that nobody can lock others out', async () => {
  const { port, url } = await setup()
  const open: Socket[] = []
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
  })
  let closed = 0
  for (let count = 0; count < 300; count += 1) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {}).on('close', () => (closed += 1))
    open.push(socket.resume())
  }
  await Promise.all(open.map((socket) => once(socket, 'connect')))
  expect((await ask(url)).status).toBe(200)
  await expect.poll(() => closed, { timeout: 10_000 }).toBe(300 - 256 + 1)
})

test('reads at most 8 KiB of headers', async () => {
  const { port } = await setup()
  const request = lines('GET /credentials HTTP/1.1', `Host: 127.0.0.1:${port}`, `X: ${'x'.repeat(9_000)}`)
  expect(await sendRaw(port, request)).toMatch(/^HTTP\/1\.1 431 /)
})

test.each([
  ['both lengths', ['Content-Length: 4', 'Transfer-Encoding: chunked'], ''],
  ['two lengths', ['Content-Length: 0', 'Content-Length: 40'], ''],
  ['a length that is none', ['Content-Length: +40'], ''],
  ['an odd encoding', ['Transfer-Encoding: xchunked'], ''],
  ['a space before the colon', ['Content-Length : 40'], ''],
  ['a folded header', ['X: 1\r\n Content-Length: 40'], ''],
  ['a line feed alone', ['X: 1\nContent-Length: 40'], ''],
  ['a null byte', ['X: \0'], ''],
  ['a body', ['Content-Length: 120'], ''],
  ['a chunked body', ['Transfer-Encoding: chunked'], '0\r\n\r\n'],
])('answers no second request that hides behind %s', async (_what, headers, body) => {
  const { port } = await setup()
  const host = `Host: 127.0.0.1:${port}`
  const hidden = lines('GET /credentials HTTP/1.1', host, `Authorization: ${TOKEN}`)
  const response = await sendRaw(port, lines('GET /healthz HTTP/1.1', host, ...headers) + body + hidden)
  expect(response).toMatch(/^HTTP\/1\.1 400 /)
  expect(response.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
  expect(response).not.toContain(SECRET)
})

test('answers a request without Host with 400, and HTTP/1.0 without it with 403', async () => {
  const { port } = await setup()
  const token = `Authorization: ${TOKEN}`
  expect(await sendRaw(port, lines('GET /credentials HTTP/1.1', token))).toMatch(/^HTTP\/1\.1 400 /)
  expect(await sendRaw(port, lines('GET /credentials HTTP/1.0', token))).toMatch(/^HTTP\/1\.1 403 /)
})

test('survives any bytes, and returns no credentials for them', async () => {
  const { port, url } = await setup()
  await fc.assert(
    fc.asyncProperty(oddRequest(port), async (bytes) => {
      expect(await sendRaw(port, bytes + ending(port))).not.toMatch(/FAKE/)
    }),
    { numRuns: 150 },
  )
  expect((await ask(url)).status).toBe(200)
})

test('listens only on 127.0.0.1 by default', async () => {
  const { port } = await setup()
  const others = Object.values(networkInterfaces())
    .flat()
    .flatMap((one) => (one === undefined || one.address === '127.0.0.1' ? [] : one.address))
    .filter((address) => address.startsWith('127.') || address === '::1')
  const outcomes = others.map(async (host) => {
    const socket = connect({ port, host })
    onTestFinished(() => void socket.destroy())
    return once(socket, 'connect').then(
      () => 'connected',
      (error: unknown) => error,
    )
  })
  for (const outcome of await Promise.all(outcomes)) expect(outcome).toMatchObject({ code: 'ECONNREFUSED' })
})

test.skipIf(!hasIpv6)('listens on ::1 as well if asked (where this machine has it)', async () => {
  const { port, url } = await setup({ ipv6: true })
  expect((await ask(`http://[::1]:${port}/credentials`)).status).toBe(200)
  expect((await ask(url)).status).toBe(200)
})

test('refuses ::1 as Host if it does not listen there', async () => {
  const { port, url } = await setup()
  expect((await ask(url, { Host: `[::1]:${port}` })).status).toBe(403)
})
