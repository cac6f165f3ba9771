import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { type Fault, createTestClock, emulateInstance } from '../../src/testing/index.js'

const MAC_PATH = '/latest/meta-data/mac'

async function setup(...faults: Fault[]) {
  const instance = emulateInstance({ httpTokens: 'optional' })
  onTestFinished(() => instance.close())
  instance.fail('all', ...faults)
  return { instance, server: await instance.listen() }
}

async function get(url: string): Promise<{ status: number | undefined; body: string }> {
  const request = httpRequest(url, { agent: false }).end()
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
  })
  return { status: response.statusCode, body: await text(response) }
}

/** All that comes back over a bare socket. */
async function rawReply(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(request)
  return text(socket)
}

test('serves the instance on a free port of the loopback address', async () => {
  const { server } = await setup()
  expect(server.endpoint).toBe(`http://127.0.0.1:${server.port}`)
  expect(server.env).toEqual({ AWS_EC2_METADATA_SERVICE_ENDPOINT: server.endpoint })
  expect(await get(server.endpoint + MAC_PATH)).toEqual({ status: 200, body: '02:00:00:00:00:01' })
})

test('serves IPv6', async () => {
  await using instance = emulateInstance({ httpTokens: 'optional' })
  const server = await instance.listen({ host: '::1' })
  expect(server.endpoint).toBe(`http://[::1]:${server.port}`)
  expect(await get(server.endpoint + MAC_PATH)).toMatchObject({ status: 200 })
})

test('speaks HTTP as IMDS does, and ends the connection', async () => {
  const { server } = await setup()
  const request =
    'PUT /latest/api/token HTTP/1.1\r\nHost: 127.0.0.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n'
  const reply = await rawReply(server.port, request)
  expect(reply).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(reply).toMatch(/\r\nserver: EC2ws\r\n/i)
  expect(reply).toMatch(/\r\nconnection: close\r\n/i)
  expect(reply).toMatch(/\r\ncontent-length: 56\r\n/i)
  expect(reply).toMatch(/\r\n\r\nFAKE[\w-]{52}$/)
})

test('listens on the given port, and says if it is in use', async () => {
  const { instance, server } = await setup()
  await expect(instance.listen({ port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('serves on several ports at a time', async () => {
  const { instance, server } = await setup()
  await using second = await instance.listen()
  await Promise.all([get(server.endpoint + MAC_PATH), get(second.endpoint + MAC_PATH)])
  expect(instance.requests).toHaveLength(2)
})

test('stops when it is closed, even twice', async () => {
  const { instance, server } = await setup()
  await server.close()
  await instance.close()
  await instance.close()
  await expect(get(server.endpoint + MAC_PATH)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test.each<Fault>(['reset', 'refuse'])('ends the connection without a byte after %s', async (fault) => {
  const { server } = await setup(fault)
  await expect(get(server.endpoint + MAC_PATH)).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('ends the connection in the middle of a body', async () => {
  const { instance, server } = await setup('reset-mid-body')
  await expect(get(server.endpoint + MAC_PATH)).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(instance.requests).toEqual([`GET ${MAC_PATH} 200 reset-mid-body`])
})

test.each<Fault>([{ dripMs: 1 }, { delayMs: 10 }])('sends the complete body after %j', async (fault) => {
  const { server } = await setup(fault)
  expect(await get(server.endpoint + MAC_PATH)).toEqual({ status: 200, body: '02:00:00:00:00:01' })
})

test('sends a mebibyte for an oversized body', async () => {
  const { server } = await setup('oversized')
  expect((await get(server.endpoint + MAC_PATH)).body.length).toBeGreaterThan(1_048_576)
})

test("never answers a silent request, and the client's time limit takes no real time with a test clock", async () => {
  const clock = createTestClock()
  await using instance = emulateInstance({ clock, hopsAway: 1 })
  const { endpoint } = await instance.listen()
  const timeout = new AbortController()
  const startedAt = clock.now()
  clock.after(60_000, () => timeout.abort(new Error('timed out')))
  const answer = fetch(`${endpoint}/latest/api/token`, { method: 'PUT', signal: timeout.signal })
  await expect(answer).rejects.toThrow('timed out')
  expect(clock.now() - startedAt).toBe(60_000)
  expect(instance.requests).toEqual(['PUT /latest/api/token silence'])
})

test('stops dripping when the client disconnects', async () => {
  const clock = createTestClock()
  await using instance = emulateInstance({ clock, httpTokens: 'optional' })
  instance.fail('all', { dripMs: 1_000 })
  const { endpoint } = await instance.listen()
  const hungUp = new AbortController()
  const startedAt = clock.now()
  clock.after(3_000, () => hungUp.abort(new Error('hung up')))
  await expect(fetch(endpoint + MAC_PATH, { signal: hungUp.signal }).then((r) => r.text())).rejects.toThrow(
    'hung up',
  )
  expect(clock.now() - startedAt).toBeLessThan(17_000)
})

test('closing one server ends its unanswered requests', async () => {
  const { instance, server } = await setup('silence')
  const failed = expect(get(server.endpoint + MAC_PATH)).rejects.toMatchObject({ code: 'ECONNRESET' })
  await expect.poll(() => instance.requests.length, { interval: 1 }).toBe(1)
  await server.close()
  await failed
})

test('closing the instance ends its unanswered requests', async () => {
  const { instance, server } = await setup('silence')
  const failed = expect(get(server.endpoint + MAC_PATH)).rejects.toMatchObject({ code: 'ECONNRESET' })
  await expect.poll(() => instance.requests.length, { interval: 1 }).toBe(1)
  await instance.close()
  await failed
})

test('breaks the connection if a callback of the test throws', async () => {
  const fail = (): never => {
    throw new Error('not today')
  }
  await using instance = emulateInstance({ httpTokens: 'optional', onRequest: fail })
  const { endpoint } = await instance.listen()
  await expect(get(endpoint + MAC_PATH)).rejects.toMatchObject({ code: 'ECONNRESET' })
})

/** The status of a GET that names a host, over a bare socket. */
async function statusFor(port: number, host: string, headers = ''): Promise<string | undefined> {
  const reply = await rawReply(port, `GET ${MAC_PATH} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`)
  return /^HTTP\/1\.1 (\d+)/.exec(reply)?.[1]
}

test.each([
  'attacker.example',
  'attacker.example:80',
  '127.0.0.1.nip.io',
  '10.0.0.1',
  'localhost.attacker.example',
  '[::2]',
])('refuses a request for the foreign host %s, and logs it', async (host) => {
  const { instance, server } = await setup()
  expect(await statusFor(server.port, host)).toBe('403')
  expect(instance.requests).toEqual([`GET ${MAC_PATH} 403`])
})

test.each([
  '127.0.0.1',
  '127.0.0.2:8080',
  'localhost',
  'LOCALHOST:1338',
  '[::1]:1338',
  '169.254.169.254',
  '[fd00:ec2::254]',
])('answers a request for the host %s', async (host) => {
  const { server } = await setup()
  expect(await statusFor(server.port, host)).toBe('200')
})

test('answers an old client without a Host header', async () => {
  const { server } = await setup()
  expect(await rawReply(server.port, `GET ${MAC_PATH} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
})

test('answers any host if it listens on more than loopback', async () => {
  const { instance } = await setup()
  await using server = await instance.listen({ host: '0.0.0.0' })
  expect(await statusFor(server.port, 'host.docker.internal')).toBe('200')
})

test('refuses forwarded requests, if asked to', async () => {
  const { instance, server } = await setup()
  await using strict = await instance.listen({ refuseForwarded: true })
  expect(await statusFor(server.port, 'localhost', 'X-Forwarded-For: 10.0.0.1\r\n')).toBe('200')
  expect(await statusFor(strict.port, 'localhost', 'X-Forwarded-For: 10.0.0.1\r\n')).toBe('403')
})
