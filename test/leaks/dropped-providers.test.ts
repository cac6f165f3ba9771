import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createRegistry, type SourceRegistry } from '../../src/credentials/shared-sources.js'
import { createProvider, type InstanceRoleProvider } from '../../src/provider/from-instance-role.js'
import type { ImdsDispatcher, InstanceRoleOptions } from '../../src/config/options.js'
import { systemRuntime } from '../../src/runtime/runtime.js'

setFlagsFromString('--expose-gc')
const gc: unknown = runInNewContext('gc')

const MANY = 500
/** Sources and metadata tokens together. */
const MOST_KEPT = 16
const DOCUMENT = JSON.stringify({
  AccessKeyId: 'FAKE',
  SecretAccessKey: 'FAKE',
  Token: 'FAKE',
  Expiration: new Date(Date.now() + 21_600_000).toISOString(),
})

function isCollector(value: unknown): value is () => void {
  return typeof value === 'function'
}

/** Everything that is unreachable is then collected. */
async function collect(): Promise<void> {
  if (!isCollector(gc)) throw new TypeError('This process cannot be told to collect garbage')
  await new Promise((resolve) => setImmediate(resolve))
  gc()
}

/** Answers like IMDS at any endpoint, and counts the requests. */
function answering(): ImdsDispatcher & { requests: number } {
  const dispatcher = {
    requests: 0,
    request: ({ path }: { path: string }) => {
      dispatcher.requests += 1
      return Promise.resolve({ statusCode: 200, headers: {}, body: bodyOf(path) })
    },
  }
  return dispatcher
}

async function* bodyOf(path: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(path.endsWith('/app-role') ? DOCUMENT : 'app-role'))
}

/** Providers that share their state, and how much of it is alive. */
function setup() {
  const registry = createRegistry()
  const configSources = () => ({
    env: {},
    loadProfile: () => Promise.resolve({ name: 'default', keys: {} }),
  })
  const create = (options: InstanceRoleOptions): InstanceRoleProvider =>
    createProvider(options, { runtime: systemRuntime, registry, configSources })
  const load = async (options: InstanceRoleOptions): Promise<void> => {
    await create(options)()
  }
  return { registry, create, load, alive: () => alive(registry) }
}

function alive({ sources, tokens }: SourceRegistry): { sources: number; tokens: number } {
  const count = (refs: Iterable<WeakRef<object>>): number =>
    [...refs].filter((ref) => ref.deref() !== undefined).length
  return { sources: count(sources.values()), tokens: count(tokens.values()) }
}

test('keeps nothing of dropped providers that each have a dispatcher', async () => {
  const { registry, load, alive } = setup()
  const loadOnce = (): Promise<void> => load({ dispatcher: answering() })
  for (let made = 0; made < MANY; made += 1) await loadOnce()
  await collect()
  expect(alive()).toEqual({ sources: 0, tokens: 0 })
  await loadOnce()
  expect({ sources: registry.sources.size, tokens: registry.tokens.size }).toEqual({ sources: 1, tokens: 1 })
})

test.each<{ each: string; options: (made: number) => InstanceRoleOptions }>([
  { each: 'an endpoint', options: (made) => ({ endpoint: `http://127.0.0.1:${1_000 + made}` }) },
  { each: 'a timeout', options: (made) => ({ timeout: 1_000 + made }) },
])(
  'keeps a few of the providers with $each of their own that are dropped without close()',
  async ({ options }) => {
    const { load, alive } = setup()
    const dispatcher = answering()
    for (let made = 0; made < MANY; made += 1) await load({ dispatcher, ...options(made) })
    await collect()
    const { sources, tokens } = alive()
    expect(sources + tokens).toBeLessThanOrEqual(MOST_KEPT)
    expect(sources).toBeGreaterThan(1)
  },
)

test('keeps nothing of closed providers', async () => {
  const { registry, create } = setup()
  const dispatcher = answering()
  for (const endpoint of ['http://127.0.0.1:1000', 'http://127.0.0.1:1001']) {
    const provider = create({ dispatcher, endpoint })
    await provider()
    await provider.close()
  }
  expect({ sources: registry.sources.size, tokens: registry.tokens.size }).toEqual({ sources: 0, tokens: 0 })
  await collect()
  expect(registry.recent.get(dispatcher)).toEqual([])
})

test('keeps a metadata token for its other users', async () => {
  const { create, load } = setup()
  const dispatcher = answering()
  const [one, other] = [create({ dispatcher }), create({ dispatcher, roleName: 'app-role' })]
  await Promise.all([one(), other()])
  await one.close()
  dispatcher.requests = 0
  await load({ dispatcher })
  expect(dispatcher.requests).toBe(2)
  await other()
})

test('shares one load among providers that are made for one call each, whenever garbage is collected', async () => {
  const { load } = setup()
  const dispatcher = answering()
  for (let made = 0; made < 3; made += 1) {
    await load({ dispatcher })
    await collect()
  }
  expect(dispatcher.requests).toBe(3)
})

test('keeps the credentials of a provider in use, whatever other providers come and go', async () => {
  const { create, load } = setup()
  const dispatcher = answering()
  const provider = create({ dispatcher })
  await provider()
  for (let made = 0; made < 2 * MOST_KEPT; made += 1) await load({ dispatcher, timeout: 1_001 + made })
  await collect()
  dispatcher.requests = 0
  await provider()
  await load({ dispatcher })
  expect(dispatcher.requests).toBe(0)
})
