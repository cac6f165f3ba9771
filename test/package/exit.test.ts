import { createServer } from 'node:http'
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { FIRST_LOAD } from '../setup.js'
import { emulateInstance, type EmulatedInstance } from '../../src/testing/index.js'
import { listeningInstance, outputOf, runProgram } from './child.js'

type Env = Readonly<Record<string, string>>

const HOUR_MS = 3_600_000

/** Prints what became of the last call, and how long after it the process ended. */
const MEASURE = `
  import { fromInstanceRole } from 'instance-role'
  const settle = (call) => call.then(() => 'credentials', (error) => error.code)
  function endWith(outcome) {
    const settledAt = performance.now()
    process.once('exit', () => console.log(JSON.stringify({ outcome, tookMs: performance.now() - settledAt })))
  }
`
const ONE_CALL = `endWith(await settle(fromInstanceRole()()))`

interface Measured {
  readonly outcome: string
  readonly tookMs: number
}

const LIMIT_MS = 100
const MOST_RUNS = 8

/** The best of some runs: what the process needs, and not what the machine was busy with. */
async function quickestEnd(source: string, env: () => Promise<Env>): Promise<Measured> {
  let best: Measured | undefined
  for (let run = 0; run < MOST_RUNS && (best === undefined || best.tookMs >= LIMIT_MS); run += 1) {
    const program = { source: `${MEASURE}${source}`, format: 'mjs', env: await env() } as const
    const measured = (await outputOf(program)) as Measured
    if (best === undefined || measured.tookMs < best.tookMs) best = measured
  }
  return best ?? { outcome: 'no run', tookMs: Infinity }
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

/** Takes connections and says nothing. */
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
])('ends the process within 100 ms of %s', async (_name, outcome, env) => {
  const measured = await quickestEnd(ONE_CALL, env)
  expect(measured.outcome).toBe(outcome)
  expect(measured.tookMs).toBeLessThan(LIMIT_MS)
})

test('ends the process within 100 ms of a call while a refresh behind it is not answered', async () => {
  const instances: EmulatedInstance[] = []
  // The system's clock is moved past the soft point of a set that lives for 6 h.
  const source = `
    const provider = fromInstanceRole()
    await provider()
    const now = Date.now
    Date.now = () => now() + ${4 * HOUR_MS}
    await provider()
    await new Promise((resolve) => setTimeout(resolve, 150))
    endWith(await settle(provider()))`
  const measured = await quickestEnd(source, async () => {
    const { instance, server } = await listeningInstance()
    instance.fail('credentials', { delayMs: 0 }, 'silence')
    instances.push(instance)
    return { ...server.env, AWS_METADATA_SERVICE_TIMEOUT: '15' }
  })
  expect(measured.outcome).toBe('credentials')
  expect(measured.tookMs).toBeLessThan(LIMIT_MS)
  expect(instances.at(-1)?.requests).toEqual([...FIRST_LOAD, expect.stringContaining('GET ')])
})

test('ends the process within 100 ms of a call that its caller gave up', async () => {
  const source = `
    const abort = new AbortController()
    setTimeout(() => abort.abort(new DOMException('enough', 'AbortError')), 150)
    endWith(await fromInstanceRole()({ abortSignal: abort.signal }).catch(({ name }) => name))`
  const measured = await quickestEnd(source, async () => ({
    ...endpoint(`http://127.0.0.1:${await silentPort()}`),
    AWS_METADATA_SERVICE_TIMEOUT: '15',
  }))
  expect(measured.outcome).toBe('AbortError')
  expect(measured.tookMs).toBeLessThan(LIMIT_MS)
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
])('settles a call that alone keeps the process alive while %s', async (_name, protocol, code) => {
  const source = `
    import { fromInstanceRole } from 'instance-role'
    console.log(await fromInstanceRole()().catch(({ code }) => code))`
  const env = impatient(`${protocol}://127.0.0.1:${await silentPort()}`)
  const ended = await runProgram({ source, format: 'mjs', env })
  expect(ended).toEqual({ code: 0, stdout: `${code}\n`, stderr: '' })
})

test('ends the process within 100 ms of a close while a load is under way', async () => {
  const source = `
    const provider = fromInstanceRole()
    const call = settle(provider())
    setTimeout(() => provider.close(), 150)
    endWith(await call)`
  const measured = await quickestEnd(source, async () => endpoint(`http://127.0.0.1:${await silentPort()}`))
  expect(measured.outcome).toBe('CLOSED')
  expect(measured.tookMs).toBeLessThan(LIMIT_MS)
})
