import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { MAX_BODY_BYTES, type Outcome } from '../../src/imds/transport.js'
import { head, serveFull, serveRaw } from '../raw-server.js'
import { RUNS_NEWER_PACKAGES } from '../package/newer-packages.js'
import { type OpenWire, WIRES } from './wires.js'

// One table of cases for every implementation of the port: limits, caps and diagnosis are the same on each.

test.skipIf(!RUNS_NEWER_PACKAGES)('undici 8 is one of them (which needs Node 22.19)', async () => {
  const wire = WIRES.find((each) => each.wire === 'undici 8')
  await expect(wire?.open()).resolves.toHaveProperty('transport')
})

const TIMEOUT_MS = 120
const LONG_MS = 2_000

interface Case {
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** One GET. */
async function send(
  endpoint: string,
  open: OpenWire,
  { timeoutMs = LONG_MS, signal = new AbortController().signal }: Case = {},
): Promise<Outcome> {
  await using wire = await open()
  return await wire.transport({ method: 'GET', url: `${endpoint}/latest/`, headers: {}, timeoutMs }, signal)
}

async function outcomeOf(
  open: OpenWire,
  answer: (socket: Socket) => void,
  timeoutMs = LONG_MS,
): Promise<Outcome> {
  await using server = await serveRaw(answer)
  return await send(server.endpoint, open, { timeoutMs })
}

/** Each case on each implementation. */
function onEach<T extends object>(cases: readonly T[]): (T & (typeof WIRES)[number])[] {
  return WIRES.flatMap((wire) => cases.map((one) => ({ ...one, ...wire })))
}

/** A port on which nobody listens. */
async function closedServer(): Promise<string> {
  await using server = await serveRaw(() => {})
  return server.endpoint
}

function drip(socket: Socket, text: string): void {
  const bytes = text.split('')
  const timer = setInterval(() => void socket.write(bytes.shift() ?? ' '), 20)
  socket.once('close', () => clearInterval(timer))
}

/** As fast as the client reads, without end. */
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
    what: 'an upgrade to what nobody asked for',
    answer: (socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nhalf'),
  },
  {
    what: 'of a chunk size that is none',
    answer: (socket) => socket.end(`${head('Transfer-Encoding: chunked')}half\r\nhalf\r\n`),
  },
  {
    what: 'a line feed alone for each line end',
    answer: (socket) => socket.end('HTTP/1.1 200 OK\nContent-Length: 4\n\nhalf'),
  },
  { what: '20 KB of head', answer: (socket) => socket.end(head(`X-More: ${'x'.repeat(20_000)}`)) },
]

test.each(onEach(SILENCES))(
  '$wire: reports silence if $what came in time',
  async ({ open, answer, isPartial }) => {
    const outcome = await outcomeOf(open, answer, TIMEOUT_MS)
    // How long this process was blocked depends on what else the machine does.
    expect(outcome).toMatchObject({ kind: 'silent', isPartial, isConnected: true })
  },
)

test.each(onEach(BREAKS))(
  '$wire: reports a broken exchange if the response is $what',
  async ({ open, answer }) => {
    const outcome = await outcomeOf(open, answer)
    if (outcome.kind !== 'broken') throw new Error(outcome.kind)
    // A parser error has the bytes that it failed on in a property.
    expect(Object.getOwnPropertyNames(outcome.cause ?? {}).filter((name) => name !== 'stack')).toEqual(
      outcome.cause === undefined ? [] : ['message'],
    )
    expect(inspect(outcome, { depth: 9, showHidden: true })).not.toMatch(/half|OpenSSH|Serv/)
  },
)

const ANSWERS: readonly { what: string; bytes: string; answer: (socket: Socket) => void }[] = [
  { what: 'of no length', bytes: 'ok', answer: (socket) => socket.end(`${head()}ok`) },
  {
    what: 'of HTTP/1.0',
    bytes: 'ok',
    answer: (socket) => socket.end('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  },
  {
    what: 'after early hints',
    bytes: 'ok',
    answer: (socket) =>
      socket.end(`HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n${head('Content-Length: 2')}ok`),
  },
  {
    what: 'with a trailer',
    bytes: 'ok',
    answer: (socket) =>
      socket.end(`${head('Transfer-Encoding: chunked')}2\r\nok\r\n0\r\nX-Late: yes\r\n\r\n`),
  },
  {
    what: 'compressed though nobody asked, as it is',
    bytes: 'half',
    answer: (socket) => socket.end(`${head('Content-Encoding: gzip', 'Content-Length: 4')}half`),
  },
  { what: 'with no body', bytes: '', answer: (socket) => socket.end(head('Content-Length: 0')) },
]

test.each(onEach(ANSWERS))('$wire: accepts a response $what', async ({ open, answer, bytes }) => {
  const outcome = await outcomeOf(open, answer)
  expect(outcome).toMatchObject({ kind: 'answer', status: 200, bytes: Buffer.from(bytes) })
})

test.each(
  onEach([
    { bytes: MAX_BODY_BYTES, kind: 'answer' },
    { bytes: MAX_BODY_BYTES + 1, kind: 'oversized' },
    { bytes: 2 * MAX_BODY_BYTES + 1, kind: 'oversized' },
    { bytes: 16 * 2 ** 20, kind: 'oversized' },
  ]),
)('$wire: calls a body of $bytes bytes: $kind', async ({ open, bytes, kind }) => {
  const whole = head(`Content-Length: ${bytes}`) + 'x'.repeat(bytes)
  expect((await outcomeOf(open, (socket) => socket.end(whole))).kind).toBe(kind)
})

test.each(WIRES)('$wire: reads at most the cap of an endless body', async ({ open }) => {
  const outcome = await outcomeOf(open, (socket) => {
    socket.write(head())
    flood(socket, 'x'.repeat(1_000))
  })
  expect(outcome).toEqual({ kind: 'oversized' })
})

test.each(WIRES)('$wire: joins the chunks of a response, even if a character is split', async ({ open }) => {
  const outcome = await outcomeOf(open, (socket) => {
    socket.write(`${head('Transfer-Encoding: chunked')}1\r\n`)
    socket.write(Buffer.from([0xc3]))
    socket.end(
      Buffer.concat([Buffer.from('\r\n2\r\n'), Buffer.from([0xa9, 0x21]), Buffer.from('\r\n0\r\n\r\n')]),
    )
  })
  expect(outcome).toMatchObject({ kind: 'answer', status: 200, bytes: Buffer.from('é!') })
})

test.each(WIRES)('$wire: reads headers in any case, and repeated headers', async ({ open }) => {
  const fields = ['RETRY-after: 7', 'X-Twice: one', 'x-twice: two', 'Set-Cookie: a', 'Set-Cookie: b']
  const outcome = await outcomeOf(open, (socket) => socket.end(head(...fields, 'Content-Length: 0')))
  if (outcome.kind !== 'answer') throw new Error(outcome.kind)
  expect(outcome.headers.get('retry-after')).toBe('7')
  expect(outcome.headers.get('x-twice')).toMatch(/^one, ?two$/)
  expect(outcome.headers.get('set-cookie')).toBe('a,b')
})

test.each(WIRES)('$wire: returns a redirect and does not follow it', async ({ open }) => {
  await using elsewhere = await serveRaw((socket) => socket.end(head()))
  const redirect = `HTTP/1.1 307 Go\r\nLocation: ${elsewhere.endpoint}/\r\nContent-Length: 0\r\n\r\n`
  expect(await outcomeOf(open, (socket) => socket.end(redirect))).toMatchObject({
    kind: 'answer',
    status: 307,
  })
  expect(elsewhere.received).toEqual([])
})

test.each(WIRES)(
  "$wire: reports unreachable if nobody listens, with the system's words and without a code",
  async ({ open }) => {
    const endpoint = await closedServer()
    const outcome = await send(endpoint, open)
    expect(outcome).toMatchObject({ kind: 'unreachable', timedOut: false })
    expect(inspect(outcome)).toContain(`connect ECONNREFUSED ${endpoint.slice('http://'.length)}`)
    if (outcome.kind !== 'unreachable') throw new Error(outcome.kind)
    // With a code, the AWS SDK would repeat its whole request.
    expect(outcome.cause).not.toHaveProperty('code')
    expect(outcome.cause).not.toHaveProperty('cause')
  },
)

test.each(WIRES)(
  '$wire: reports unreachable if nothing accepts the connection in time',
  // The system can still accept a connection into a queue that was full a moment ago.
  { retry: 2 },
  async ({ open }) => {
    await using full = await serveFull()
    const outcome = await send(full.endpoint, open, { timeoutMs: TIMEOUT_MS })
    expect(outcome).toEqual({ kind: 'unreachable', timedOut: true })
  },
)

test.each(WIRES)(
  '$wire: needs no retry if the server silently closes the connection after each response',
  async ({ open }) => {
    await using server = await serveRaw((socket) => socket.end(`${head('Content-Length: 2')}ok`))
    await using wire = await open()
    const { signal } = new AbortController()
    const exchange = { method: 'GET', url: server.endpoint, headers: {}, timeoutMs: LONG_MS } as const
    const kinds: string[] = []
    for (let sent = 0; sent < 10; sent += 1) kinds.push((await wire.transport(exchange, signal)).kind)
    expect(kinds).toEqual(Array.from({ length: 10 }, () => 'answer'))
  },
)

test.each(onEach([1_000 / 3, 0.25, 100_000.7].map((timeoutMs) => ({ timeoutMs }))))(
  '$wire: accepts a time limit of $timeoutMs ms',
  async ({ open, timeoutMs }) => {
    await using server = await serveRaw((socket) => socket.end(`${head('Content-Length: 2')}ok`))
    const outcome = await send(server.endpoint, open, { timeoutMs })
    expect(outcome.kind).toMatch(timeoutMs < 1 ? /^(answer|silent|unreachable)$/ : /^answer$/)
  },
)

test.each(WIRES)(
  "$wire: reports that the load has ended at any moment of the exchange, without the load's reason",
  async ({ open }) => {
    await using server = await serveRaw((socket) => socket.write(head('Content-Length: 9')))
    const ending = new AbortController()
    const sent = send(server.endpoint, open, { signal: ending.signal })
    await pause(30)
    ending.abort(new Error('over'))
    await expect(sent).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(send(server.endpoint, open, { signal: ending.signal })).rejects.toMatchObject({
      code: 'CLOSED',
    })
    expect(server.received).toHaveLength(1)
  },
)
