import { createServer } from 'node:http'
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { FIRST_LOAD } from '../setup.js'
import { emulateInstance } from '../../src/testing/index.js'
import { serveFull } from '../raw-server.js'
import { listeningInstance, outputOf, runProgram } from './child.js'

type Env = Readonly<Record<string, string>>

const HOUR_MS = 3_600_000

/**
 * Prints what became of the last call, and for how long the process was held after it: the time in which its event loop
 * had nothing to do and did not end. The time by the clock, which has in it what the machine was busy with, is measured
 * beside an empty process by `npm run matrix -- exit`.
 */
const MEASURE = `
  import { fromInstanceRole } from 'instance-role'
  const settle = (call) => call.then(() => 'credentials', (error) => error.code)
  function endWith(outcome) {
    const settled = performance.eventLoopUtilization()
    const sayHowLong = () => {
      const heldMs = performance.eventLoopUtilization(settled).idle
      console.log(JSON.stringify({ outcome, heldMs }))
    }
    process.once('exit', sayHowLong)
  }
`
const ONE_CALL = `endWith(await settle(fromInstanceRole()()))`
/** Real processes in real time: if the machine is busy, another try decides. */
const ON_A_BUSY_MACHINE = { retry: 2 }
const LIMIT_MS = 100

interface Measured {
  readonly outcome: string
  readonly heldMs: number
}

async function endOf(source: string, env: Env): Promise<Measured> {
  return (await outputOf({ source: `${MEASURE}${source}`, format: 'mjs', env })) as Measured
}

function endpoint(url: string): Env {
  return { AWS_EC2_METADATA_SERVICE_ENDPOINT: url }
}

/** Enough to see each way of failing once. */
function impatient(url: string): Env {
  return { ...endpoint(url), AWS_METADATA_SERVICE_TIMEOUT: '0.2', AWS_METADATA_SERVICE_NUM_ATTEMPTS: '1' }
}

function boundPort(server: net.Server): number {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('not bound')
  return address.port
}

async function listenUntilFinished(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return boundPort(server)
}

/** Accepts connections and never answers. */
async function silentPort(): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    onTestFinished(() => void socket.destroy())
  })
  return listenUntilFinished(server)
}

async function refusingPort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = boundPort(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** IMDS that keeps its connections open for a minute. */
async function keepAlivePort(): Promise<number> {
  const instance = emulateInstance()
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ])
    const asked = {
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: Object.fromEntries(headers),
    }
    const outcome = instance.answer(asked)
    if (outcome.kind !== 'reply') throw new Error(outcome.kind)
    const headersOfImds: Record<string, string> = { ...outcome.reply.headers }
    delete headersOfImds['connection']
    response.writeHead(outcome.reply.status, headersOfImds).end(outcome.reply.body)
  })
  onTestFinished(() => server.closeAllConnections())
  return listenUntilFinished(server)
}

test.each<[string, string, () => Promise<Env>]>([
  ['a good load', 'credentials', async () => (await listeningInstance()).server.env],
  [
    'a load over kept connections',
    'credentials',
    async () => endpoint(`http://127.0.0.1:${await keepAlivePort()}`),
  ],
  ['a refused connection', 'UNREACHABLE', async () => impatient(`http://127.0.0.1:${await refusingPort()}`)],
  ['a silent IMDS', 'HOP_LIMIT', async () => impatient(`http://127.0.0.1:${await silentPort()}`)],
  [
    'a connection never made',
    'UNREACHABLE',
    async () => impatient(`https://127.0.0.1:${await silentPort()}`),
  ],
])('holds the process for less than 100 ms after %s', ON_A_BUSY_MACHINE, async (_name, outcome, env) => {
  const measured = await endOf(ONE_CALL, await env())
  expect(measured.outcome).toBe(outcome)
  expect(measured.heldMs).toBeLessThan(LIMIT_MS)
})

test(
  'holds the process for less than 100 ms after a call while its refresh is not answered',
  ON_A_BUSY_MACHINE,
  async () => {
    const { instance, server } = await listeningInstance()
    instance.fail('credentials', { delayMs: 0 }, 'silence')
    // The system's clock is set past the refresh-ahead point of credentials that live 6 h.
    const source = `
    const provider = fromInstanceRole()
    await provider()
    const now = Date.now
    Date.now = () => now() + ${4 * HOUR_MS}
    await provider()
    await new Promise((resolve) => setTimeout(resolve, 150))
    endWith(await settle(provider()))`
    const measured = await endOf(source, { ...server.env, AWS_METADATA_SERVICE_TIMEOUT: '15' })
    expect(measured.outcome).toBe('credentials')
    expect(measured.heldMs).toBeLessThan(LIMIT_MS)
    expect(instance.requests).toEqual([...FIRST_LOAD, expect.stringMatching(/^GET .*app-role .*silence/)])
  },
)

test('holds the process for less than 100 ms after an aborted call', ON_A_BUSY_MACHINE, async () => {
  const source = `
    const abort = new AbortController()
    setTimeout(() => abort.abort(new DOMException('enough', 'AbortError')), 150)
    endWith(await fromInstanceRole()({ abortSignal: abort.signal }).catch(({ name }) => name))`
  const silent = endpoint(`http://127.0.0.1:${await silentPort()}`)
  const measured = await endOf(source, { ...silent, AWS_METADATA_SERVICE_TIMEOUT: '15' })
  expect(measured.outcome).toBe('AbortError')
  expect(measured.heldMs).toBeLessThan(LIMIT_MS)
})

const AWAITED = `
  import { fromInstanceRole } from 'instance-role'
  const { accessKeyId } = await fromInstanceRole()()
  console.log(accessKeyId)`

test('settles a call that alone keeps the process alive', async () => {
  const { instance, server } = await listeningInstance()
  const ended = await runProgram({ source: AWAITED, format: 'mjs', env: server.env })
  expect(ended).toEqual({ code: 0, stdout: `${String(instance.credentials?.accessKeyId)}\n`, stderr: '' })
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('settles a call that alone keeps the process alive while it sleeps between tries', async () => {
  const { instance, server } = await listeningInstance()
  instance.fail('token', { status: 500 }, { status: 503 })
  instance.fail('credentials', { status: 500 })
  const ended = await runProgram({ source: AWAITED, format: 'mjs', env: server.env })
  expect(ended).toEqual({ code: 0, stdout: `${String(instance.credentials?.accessKeyId)}\n`, stderr: '' })
  expect(instance.requests).toHaveLength(6)
})

test.each([
  ['its connection is being made', 'https', 'UNREACHABLE'],
  ['its request is not answered', 'http', 'HOP_LIMIT'],
])(
  'settles a call that alone keeps the process alive while %s',
  ON_A_BUSY_MACHINE,
  async (_name, protocol, code) => {
    const source = `
    import { fromInstanceRole } from 'instance-role'
    console.log(await fromInstanceRole()().catch(({ code }) => code))`
    const env = impatient(`${protocol}://127.0.0.1:${await silentPort()}`)
    const ended = await runProgram({ source, format: 'mjs', env })
    expect(ended).toEqual({ code: 0, stdout: `${code}\n`, stderr: '' })
  },
)

test('holds the process for less than 100 ms after a close during a load', ON_A_BUSY_MACHINE, async () => {
  const source = `
    const provider = fromInstanceRole()
    const call = settle(provider())
    setTimeout(() => provider.close(), 150)
    endWith(await call)`
  const measured = await endOf(source, endpoint(`http://127.0.0.1:${await silentPort()}`))
  expect(measured.outcome).toBe('CLOSED')
  expect(measured.heldMs).toBeLessThan(LIMIT_MS)
})

/** Gives up after 150 ms; then nobody waits any more. */
const GIVE_UP = `
  const abort = new AbortController()
  setTimeout(() => abort.abort(new DOMException('enough', 'AbortError')), 150)
  endWith(await fromInstanceRole()({ abortSignal: abort.signal }).catch(({ name }) => name))`

// Node keeps a process alive for a connection that is being made, whatever `unref()` says: the system gives up after minutes.
test('holds the process for at most one timeout while a connection that no caller needs is being made', async () => {
  await using full = await serveFull()
  const env = { ...endpoint(full.endpoint), AWS_METADATA_SERVICE_TIMEOUT: '0.6' }
  const measured = await endOf(GIVE_UP, env)
  expect(measured.outcome).toBe('AbortError')
  expect(measured.heldMs).toBeLessThan(1_200)
})

test.skipIf(process.platform !== 'linux')(
  'limits the connections to all addresses of a name together, and closes them',
  async () => {
    await using full = await serveFull('0.0.0.0')
    const source = `
      import dns from 'node:dns'
      dns.lookup = (name, options, done) => done(null, [1, 2, 3, 4, 5, 6, 7, 8].map((last) =>
        ({ address: '127.0.0.' + last, family: 4 })))
      const startedAt = performance.now()
      const outcome = await settle(fromInstanceRole({ retries: 0 })())
      const tookMs = performance.now() - startedAt
      endWith(outcome + (tookMs < 5_000 ? ' in time' : ' after ' + tookMs))`
    const env = { ...endpoint(`http://imds.test:${full.port}`), AWS_METADATA_SERVICE_TIMEOUT: '0.6' }
    const measured = await endOf(source, env)
    expect(measured.outcome).toBe('UNREACHABLE in time')
    expect(measured.heldMs).toBeLessThan(LIMIT_MS)
  },
)

/** Replacements of the global timers in a test, with IMDS in another process. `real` means Node's own. */
const TIMERS: readonly { readonly what: string; readonly setUp: string }[] = [
  {
    what: 'mocked by node:test, and moved by the test',
    setUp: `
      const { mock } = await import('node:test')
      mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
      const tick = () => { mock.timers.tick(100); real(tick, 20).unref() }
      tick()`,
  },
  {
    what: 'numbers, as in a browser window',
    setUp: `
      const timers = new Map()
      globalThis.setTimeout = (callback, ms) => {
        const id = timers.size + 1
        timers.set(id, real(callback, ms).unref())
        return id
      }
      globalThis.clearTimeout = (id) => realClear(timers.get(id))`,
  },
]

test.each(TIMERS)('keeps the process alive for a waiting caller if timers are $what', async ({ setUp }) => {
  const { instance, server } = await listeningInstance()
  instance.fail('token', { status: 500 }, { status: 503 })
  instance.fail('credentials', { delayMs: 100 })
  const source = `
    import { fromInstanceRole } from 'instance-role'
    const { setTimeout: real, clearTimeout: realClear } = globalThis
    ${setUp}
    const { accessKeyId } = await fromInstanceRole()()
    console.log(accessKeyId)`
  const env = { ...server.env, AWS_METADATA_SERVICE_TIMEOUT: '3600' }
  const ended = await runProgram({ source, format: 'mjs', env })
  expect(ended).toMatchObject({ code: 0, stdout: `${String(instance.credentials?.accessKeyId)}\n` })
})

test('keeps the process alive until the response if timers are mocked and never advanced', async () => {
  const { instance, server } = await listeningInstance()
  instance.fail('token', { delayMs: 200 })
  const source = `
    import { mock } from 'node:test'
    import { fromInstanceRole } from 'instance-role'
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] })
    const { accessKeyId } = await fromInstanceRole()()
    console.log(accessKeyId)`
  const ended = await runProgram({ source, format: 'mjs', env: server.env })
  expect(ended).toMatchObject({ code: 0, stdout: `${String(instance.credentials?.accessKeyId)}\n` })
})
