import { expect, test } from 'vitest'
import { createRegistry, type SourceRegistry } from '../../src/credentials/shared-sources.js'
import { createProvider, type InstanceRoleProvider } from '../../src/provider/from-instance-role.js'
import type { ImdsDispatcher, InstanceRoleOptions } from '../../src/config/options.js'
import { systemRuntime } from '../../src/runtime/runtime.js'
import { collectGarbage } from './collect-garbage.js'

const MANY = 500
/** Of the sources, and of the metadata tokens. */
const MOST_KEPT = 16
const DOCUMENT = JSON.stringify({
  AccessKeyId: 'FAKE',
  SecretAccessKey: 'FAKE',
  Token: 'FAKE',
  Expiration: new Date(Date.now() + 21_600_000).toISOString(),
})

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
  const count = ({ refs }: SourceRegistry['sources'] | SourceRegistry['tokens']): number =>
    [...refs.values()].filter((ref) => ref.deref() !== undefined).length
  return { sources: count(sources), tokens: count(tokens) }
}

test('keeps nothing of dropped providers that each have a dispatcher', async () => {
  const { registry, load, alive } = setup()
  const loadOnce = (): Promise<void> => load({ dispatcher: answering() })
  for (let made = 0; made < MANY; made += 1) await loadOnce()
  await collectGarbage(() => alive().sources + alive().tokens === 0)
  expect(alive()).toEqual({ sources: 0, tokens: 0 })
  await loadOnce()
  expect({ sources: registry.sources.refs.size, tokens: registry.tokens.refs.size }).toEqual({
    sources: 1,
    tokens: 1,
  })
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
    await collectGarbage(() => Math.max(alive().sources, alive().tokens) <= MOST_KEPT)
    const { sources, tokens } = alive()
    expect(Math.max(sources, tokens)).toBeLessThanOrEqual(MOST_KEPT)
    expect(sources).toBeGreaterThan(1)
  },
)

test('keeps nothing of closed providers', async () => {
  const { registry, create } = setup()
  const dispatcher = answering()
  const used: WeakRef<object>[] = []
  for (const endpoint of ['http://127.0.0.1:1000', 'http://127.0.0.1:1001']) {
    const provider = create({ dispatcher, endpoint })
    await provider()
    used.push(...registry.sources.refs.values(), ...registry.tokens.refs.values())
    await provider.close()
  }
  expect({ sources: registry.sources.refs.size, tokens: registry.tokens.refs.size }).toEqual({
    sources: 0,
    tokens: 0,
  })
  await collectGarbage(() => used.every((ref) => ref.deref() === undefined))
  expect(used.map((ref) => ref.deref())).toEqual([undefined, undefined, undefined, undefined])
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
    await collectGarbage()
  }
  expect(dispatcher.requests).toBe(3)
})

test('keeps the credentials of a provider in use, whatever other providers come and go', async () => {
  const { create, load } = setup()
  const dispatcher = answering()
  const provider = create({ dispatcher })
  await provider()
  for (let made = 0; made < 2 * MOST_KEPT; made += 1) await load({ dispatcher, timeout: 1_001 + made })
  await collectGarbage()
  dispatcher.requests = 0
  await provider()
  await load({ dispatcher })
  expect(dispatcher.requests).toBe(0)
})
