import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { Agent, type Dispatcher } from 'undici'
import { expect, test } from 'vitest'
import { MAX_BODY_BYTES, openTransport, type Outcome } from '../../src/imds/transport.js'
import { systemRuntime } from '../../src/runtime.js'
import { head, serveRaw } from '../raw-server.js'

const TIMEOUT_MS = 120
const LONG_MS = 2_000

/** One GET, over a transport of its own. */
async function send(
  endpoint: string,
  {
    timeoutMs = LONG_MS,
    signal = new AbortController().signal,
    dispatcher = undefined as Dispatcher | undefined,
    runtime = systemRuntime,
  } = {},
): Promise<Outcome> {
  const transport = openTransport({ runtime, timeoutMs, signal, dispatcher })
  try {
    return await transport.send({ method: 'GET', url: `${endpoint}/latest/`, headers: {}, timeoutMs })
  } finally {
    transport.close()
  }
}

/** For several exchanges of one load. */
function openWay(endpoint: string): { send: () => Promise<Outcome>; close: () => void } {
  const { signal } = new AbortController()
  const transport = openTransport({
    runtime: systemRuntime,
    timeoutMs: LONG_MS,
    signal,
    dispatcher: undefined,
  })
  return {
    send: () => transport.send({ method: 'GET', url: endpoint, headers: {}, timeoutMs: LONG_MS }),
    close: () => transport.close(),
  }
}

async function outcomeOf(answer: (socket: Socket) => void, timeoutMs = LONG_MS): Promise<Outcome> {
  await using server = await serveRaw(answer)
  return await send(server.endpoint, { timeoutMs })
}

function drip(socket: Socket, text: string): void {
  const bytes = text.split('')
  const timer = setInterval(() => void socket.write(bytes.shift() ?? ' '), 20)
  socket.once('close', () => clearInterval(timer))
}

/** As fast as the other side reads, without end. */
function flood(socket: Socket, chunk: string | Buffer): void {
  const pour = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on('drain', pour)
  pour()
}

const SILENCES: readonly { what: string; isPartial: boolean; answer: (socket: Socket) => void }[] = [
  { what: 'nothing', isPartial: false, answer: () => {} },
  { what: 'half a head', isPartial: false, answer: (socket) => socket.write('HTTP/1.1 200 OK\r\nServ') },
  { what: 'a dripping head', isPartial: false, answer: (socket) => drip(socket, head('X-Slow: yes')) },
  { what: 'a head only', isPartial: true, answer: (socket) => socket.write(head('Content-Length: 9')) },
  {
    what: 'half a body',
    isPartial: true,
    answer: (socket) => socket.write(`${head('Content-Length: 9')}half`),
  },
  {
    what: 'a dripping body',
    isPartial: true,
    answer: (socket) => {
      socket.write(head('Content-Length: 9000'))
      drip(socket, 'drop by drop')
    },
  },
  {
    what: 'a chunk that does not end',
    isPartial: true,
    answer: (socket) => socket.write(`${head('Transfer-Encoding: chunked')}5\r\nabcde\r\n`),
  },
  {
    what: 'early hints and no more',
    isPartial: false,
    answer: (socket) => socket.write('HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n'),
  },
]

test.each(SILENCES)('calls an exchange silent that brings $what in time', async ({ answer, isPartial }) => {
  const outcome = await outcomeOf(answer, TIMEOUT_MS)
  // How long this process was blocked meanwhile depends on what else the machine does.
  expect(outcome).toMatchObject({ kind: 'silent', isPartial, isConnected: true })
})

const BREAKS: readonly { what: string; answer: (socket: Socket) => void }[] = [
  { what: 'reset before the answer', answer: (socket) => socket.resetAndDestroy() },
  { what: 'ended before the answer', answer: (socket) => socket.end() },
  { what: 'ended within the head', answer: (socket) => socket.end('HTTP/1.1 200 OK\r\nServ') },
  {
    what: 'reset within the body',
    answer: (socket) => socket.write(`${head('Content-Length: 99')}half`, () => socket.resetAndDestroy()),
  },
  { what: 'ended within the body', answer: (socket) => socket.end(`${head('Content-Length: 99')}half`) },
  {
    what: 'ended within a chunk',
    answer: (socket) => socket.end(`${head('Transfer-Encoding: chunked')}ff\r\nhalf`),
  },
  { what: 'not HTTP', answer: (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n') },
  { what: 'binary', answer: (socket) => socket.end(Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])) },
  {
    what: 'of two lengths',
    answer: (socket) => socket.end(`${head('Content-Length: 4', 'Content-Length: 5')}halfs`),
  },
  { what: 'all head', answer: (socket) => flood(socket, `X-More: ${'x'.repeat(1_000)}\r\n`) },
  { what: 'an upgrade', answer: (socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n') },
  {
    what: 'false gzip',
    answer: (socket) => socket.end(`${head('Content-Encoding: gzip', 'Content-Length: 4')}half`),
  },
]

test.each(BREAKS)('calls an exchange broken whose answer is $what', async ({ answer }) => {
  const outcome = await outcomeOf(answer)
  expect(outcome.kind).toBe('broken')
  expect(inspect(outcome, { depth: 9, showHidden: true })).not.toMatch(/half|OpenSSH|Serv/)
})

test.each([
  { bytes: MAX_BODY_BYTES, kind: 'answer' },
  { bytes: MAX_BODY_BYTES + 1, kind: 'oversized' },
  { bytes: 2 * MAX_BODY_BYTES + 1, kind: 'oversized' },
  { bytes: 16 * 2 ** 20, kind: 'oversized' },
])('calls a body of $bytes bytes: $kind', async ({ bytes, kind }) => {
  const whole = head(`Content-Length: ${bytes}`) + 'x'.repeat(bytes)
  expect((await outcomeOf((socket) => socket.end(whole))).kind).toBe(kind)
})

test('reads no more than the cap of a body that never ends', async () => {
  const outcome = await outcomeOf((socket) => {
    socket.write(head())
    flood(socket, 'x'.repeat(1_000))
  })
  expect(outcome).toEqual({ kind: 'oversized' })
})

test('holds what unfolds from a compressed body to the same cap', async () => {
  const bomb = gzipSync('x'.repeat(4 * 2 ** 20))
  const fields = ['Content-Encoding: gzip', `Content-Length: ${bomb.length}`]
  const answer = Buffer.concat([Buffer.from(head(...fields)), bomb])
  expect(bomb.length).toBeLessThan(MAX_BODY_BYTES)
  expect(await outcomeOf((socket) => socket.end(answer))).toEqual({ kind: 'oversized' })
})

test('puts an answer together from its chunks, a character in two of them included', async () => {
  const outcome = await outcomeOf((socket) => {
    socket.write(`${head('Transfer-Encoding: chunked')}1\r\n`)
    socket.write(Buffer.from([0xc3]))
    socket.end(
      Buffer.concat([Buffer.from('\r\n2\r\n'), Buffer.from([0xa9, 0x21]), Buffer.from('\r\n0\r\n\r\n')]),
    )
  })
  expect(outcome).toMatchObject({ kind: 'answer', status: 200, bytes: Buffer.from('é!') })
})

test('does not follow a redirect: it is the answer', async () => {
  await using elsewhere = await serveRaw((socket) => socket.end(head()))
  const redirect = `HTTP/1.1 307 Go\r\nLocation: ${elsewhere.endpoint}/\r\nContent-Length: 0\r\n\r\n`
  expect(await outcomeOf((socket) => socket.end(redirect))).toMatchObject({ kind: 'answer', status: 307 })
  expect(elsewhere.received).toEqual([])
})

test('calls IMDS unreachable where nobody listens, and says so in the words of the system', async () => {
  const { endpoint } = await closedServer()
  const outcome = await send(endpoint)
  expect(outcome).toMatchObject({ kind: 'unreachable', timedOut: false })
  expect(inspect(outcome)).toContain(`connect ECONNREFUSED ${endpoint.slice('http://'.length)}`)
})

test('gives a cause no code by which the AWS SDK would repeat its whole request', async () => {
  const { endpoint } = await closedServer()
  const outcome = await send(endpoint)
  if (outcome.kind !== 'unreachable') throw new Error(outcome.kind)
  expect(outcome.cause).not.toHaveProperty('code')
  expect(outcome.cause).not.toHaveProperty('cause')
})

async function closedServer() {
  await using server = await serveRaw(() => {})
  return { endpoint: server.endpoint }
}

test('connects again after a broken exchange of the same load', async () => {
  let connections = 0
  await using server = await serveRaw((socket) => {
    connections += 1
    if (connections === 1) socket.resetAndDestroy()
    else socket.end(`${head('Content-Length: 2')}ok`)
  })
  const { send, close } = openWay(server.endpoint)
  expect((await send()).kind).toBe('broken')
  expect(await send()).toMatchObject({ kind: 'answer', bytes: Buffer.from('ok') })
  close()
})

test('needs no second try where the other side closes after each answer, and does not say that it will', async () => {
  await using server = await serveRaw((socket) => socket.end(`${head('Content-Length: 2')}ok`))
  const { send, close } = openWay(server.endpoint)
  for (let exchange = 0; exchange < 10; exchange += 1) expect((await send()).kind).toBe('answer')
  expect(server.received).toHaveLength(10)
  close()
})

test.each([1_000 / 3, 0.25, 100_000.7])('takes a time limit of %d ms', async (timeoutMs) => {
  await using server = await serveRaw((socket) => socket.end(`${head('Content-Length: 2')}ok`))
  const outcome = await send(server.endpoint, { timeoutMs })
  expect(outcome.kind).toMatch(timeoutMs < 1 ? /^(answer|silent)$/ : /^answer$/)
})

/** By what a test of a user has in place of `fetch`. */
function sendBy(fetch: () => unknown): Promise<Outcome> {
  const runtime = { ...systemRuntime, fetch: async () => Promise.resolve(fetch() as Response) }
  return send('http://127.0.0.1', { runtime })
}

test.each([undefined, {}, { 'Content-Type': 'text/plain' }, new Headers({ 'content-type': 'text/html' })])(
  'takes the headers %j of a mocked answer',
  async (headers) => {
    const outcome = await sendBy(() => ({ status: 200, headers, body: null }))
    if (outcome.kind !== 'answer') throw new Error(outcome.kind)
    expect(outcome.headers.get('content-type')).toBe(new Headers(headers).get('content-type'))
  },
)

test.each(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])(
  'calls an exchange broken that the caller’s dispatcher ends with %s',
  async (code) => {
    const failed = () => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('broken off'), { code }) })
    }
    expect((await sendBy(failed)).kind).toBe('broken')
  },
)

test('holds a mocked body that has no bytes to the cap', async () => {
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue('text') })
  const outcome = await sendBy(() => ({ status: 200, headers: {}, body: endless }))
  expect(outcome).toEqual({ kind: 'oversized' })
})

test('says that the load has ended, at any moment of the exchange, and keeps the reason to the load', async () => {
  await using server = await serveRaw((socket) => socket.write(head('Content-Length: 9')))
  const ending = new AbortController()
  const sent = send(server.endpoint, { signal: ending.signal })
  await pause(30)
  ending.abort(new Error('over'))
  await expect(sent).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(send(server.endpoint, { signal: ending.signal })).rejects.toMatchObject({ code: 'CLOSED' })
  expect(server.received).toHaveLength(1)
})

test('sends with the caller’s dispatcher, and leaves it open', async () => {
  const seen: string[] = []
  const dispatcher = new Agent().compose((dispatch) => (options, handler) => {
    seen.push(`${options.method} ${options.path}`)
    return dispatch(options, handler)
  })
  await using server = await serveRaw((socket) => socket.end(`${head('Content-Length: 2')}ok`))
  expect(await send(server.endpoint, { dispatcher })).toMatchObject({
    kind: 'answer',
    bytes: Buffer.from('ok'),
  })
  expect(await send(server.endpoint, { dispatcher })).toMatchObject({
    kind: 'answer',
    bytes: Buffer.from('ok'),
  })
  expect(seen).toEqual(['GET /latest/', 'GET /latest/'])
  await dispatcher.close()
})

test('claims no connection where a dispatcher of the caller does not tell of one', async () => {
  const silent = new Agent({ connect: () => {} })
  const outcome = await send('http://127.0.0.1:8080', { timeoutMs: TIMEOUT_MS, dispatcher: silent })
  expect(outcome).toMatchObject({ kind: 'silent', isConnected: false })
  await silent.destroy()
})
