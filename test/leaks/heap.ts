// Run with --expose-gc: prints how far the heap has grown, in bytes, as medians of several readings after collection.
import { createProvider } from '../../src/provider/from-instance-role.js'
import type { ImdsDispatcher } from '../../src/config/options.js'
import { systemRuntime } from '../../src/runtime/runtime.js'
import { createRegistry } from '../../src/credentials/shared-sources.js'

const READINGS = 5
const gc = globalThis.gc
if (gc === undefined) throw new Error('run with --expose-gc')
const collect: () => unknown = gc

const [, , kind, count] = process.argv
const expiration = new Date(Date.now() + 21_600_000).toISOString()
const document = {
  AccessKeyId: 'FAKE',
  SecretAccessKey: 'FAKE',
  Token: 'FAKE'.repeat(300),
  Expiration: expiration,
}

/** Answers without an emulated instance, because that keeps a list of requests. */
const dispatcher: ImdsDispatcher = {
  request: ({ path }) => respond(200, path.endsWith('/app-role') ? JSON.stringify(document) : 'app-role'),
}
const configSources = () => ({ env: {}, loadProfile: () => Promise.resolve({ name: 'default', keys: {} }) })
const world = { runtime: systemRuntime, registry: createRegistry(), configSources }
const provider = createProvider({ dispatcher }, world)
const noRole = createProvider({ dispatcher: { request: () => respond(404, '') } }, world)
const KINDS: Readonly<Record<string, () => Promise<unknown>>> = {
  'cached calls': () => provider(),
  refreshes: () => provider({ forceRefresh: true }),
  'calls that fail while another waits': () => noRole().catch(() => {}),
  'providers with a logger of their own': () =>
    createProvider({ logger: createLogger(), dispatcher }, world)(),
}
const once = KINDS[kind ?? '']
if (once === undefined) throw new Error(`there is no ${String(kind)}`)
await provider()
noRole.ready({ timeout: 600_000 }).catch(() => {})
await new Promise((resolve) => setImmediate(resolve))

// What is compiled and cached once is not a leak.
await repeat(Number(count) / 10)
const before = await heapUsed()
await repeat(Number(count))
const after = await heapUsed()
process.stdout.write(String(after - before), () => process.exit())

async function repeat(times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await once?.()
}

function respond(statusCode: number, text: string): ReturnType<ImdsDispatcher['request']> {
  async function* body(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from(text))
  }
  return Promise.resolve({ statusCode, headers: {}, body: body() })
}

function createLogger() {
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  return { debug: write, info: write, warn: write, error: write }
}

async function heapUsed(): Promise<number> {
  const readings: number[] = []
  for (let reading = 0; reading < READINGS; reading += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    readings.push(process.memoryUsage().heapUsed)
  }
  return readings.toSorted((a, b) => a - b)[Math.floor(READINGS / 2)] ?? Infinity
}
