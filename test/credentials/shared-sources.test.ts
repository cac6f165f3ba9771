import { expect, test } from 'vitest'
import { InstanceRoleError } from '../../src/index.js'
import type { InstanceRoleOptions } from '../../src/config/options.js'
import { CREDENTIALS, FIRST_LOAD, HOUR, setup, watchedDispatcher } from '../setup.js'

test('keeps a source until its last provider is closed, and nothing of it afterwards', async () => {
  const { instance, registry, create } = setup()
  const [one, other] = [create(), create()]
  await Promise.all([one(), other()])
  expect(registry.sources.refs.size).toBe(1)

  await one.close()
  instance.clearRequests()
  await other()
  expect(instance.requests).toEqual([])

  await other.close()
  await other.close()
  expect(registry.sources.refs.size).toBe(0)
})

test('ends the waits of a closed provider, and not those of others that share the load', async () => {
  const { clock, instance, create } = setup()
  const [one, other] = [create(), create()]
  instance.fail('credentials', { delayMs: 500 })
  const ended = expect(one()).rejects.toMatchObject({ code: 'CLOSED' })
  const served = other()
  await one.close()
  await ended
  await clock.advance(500)
  expect((await served).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test.each<InstanceRoleOptions>([
  { roleName: 'app-role' },
  { endpoint: 'http://127.0.0.1' },
  { endpointMode: 'auto' },
  { endpointMode: 'IPv6' },
  { timeout: 900 },
  { deadline: 9_000 },
  { retries: 2 },
  { imdsV1Fallback: true },
  { accountId: true },
  { isolated: true },
])('shares nothing with a provider that has %j', async (options) => {
  const { instance, create } = setup()
  const [one, other] = [create(), create(options)]
  await one()
  instance.clearRequests()
  await other()
  expect(instance.requests).not.toEqual([])
  // Settings that lead to the same requests are equal, wherever they are set.
  await create(options)()
  expect(one.status().requests).toBe(3)
})

test('shares nothing with a provider that has another dispatcher', async () => {
  const { instance, create } = setup()
  const dispatcher = watchedDispatcher(instance.dispatcher, () => {})
  await Promise.all([create()(), create({ dispatcher })(), create({ dispatcher })()])
  expect(instance.requests).toHaveLength(2 * FIRST_LOAD.length)
})

test('opens no source for a provider that is closed before its settings are known', async () => {
  const { instance, registry, provider } = setup()
  const ended = expect(provider()).rejects.toMatchObject({ code: 'CLOSED' })
  await provider.close()
  await ended
  await new Promise((resolve) => setImmediate(resolve))
  expect({ sources: registry.sources.refs.size, requests: instance.requests }).toEqual({
    sources: 0,
    requests: [],
  })
})

test('forgets everything when it is reset', async () => {
  const { clock, instance, registry, provider } = setup({ provider: { retries: 0 } })
  await provider()
  instance.failUntilLifted('all', { status: 404 })
  await clock.advance(7 * HOUR)
  for (let call = 0; call < 3; call += 1) await expect(provider()).rejects.toBeInstanceOf(InstanceRoleError)
  registry.sources.refs.forEach((source) => source.deref()?.reset())
  registry.tokens.refs.forEach((token) => token.deref()?.reset())
  expect(provider.status()).toEqual({ state: 'empty', requests: 0 })
  instance.clearFaults()
  instance.clearRequests()
  await provider()
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('counts a provider once although it is closed twice', async () => {
  const { instance, create } = setup()
  const [one, other, last] = [create(), create(), create()]
  await Promise.all([one(), other(), last()])
  await one.close()
  await one.close()
  await other.close()
  instance.clearRequests()
  await last()
  expect(instance.requests).toEqual([])
})

test('forgets the dispatchers of closed providers', async () => {
  const { instance, registry, create } = setup()
  for (let made = 0; made < 3; made += 1) {
    const provider = create({ dispatcher: watchedDispatcher(instance.dispatcher, () => {}) })
    await provider()
    await provider.close()
  }
  expect({ sources: registry.sources.refs.size, tokens: registry.tokens.refs.size }).toEqual({
    sources: 0,
    tokens: 0,
  })
})

test('sends no request after it is closed, even if the cached credentials live too short for the caller', async () => {
  const { clock, instance, create } = setup()
  const provider = create({ minTtl: 5 * HOUR })
  const other = create()
  await Promise.all([provider(), other()])
  await clock.advance(2 * HOUR)
  instance.clearRequests()
  const ended = expect(provider()).rejects.toMatchObject({ code: 'CLOSED' })
  await provider.close()
  await ended
  await clock.advance(1_000)
  expect(instance.requests.filter((request) => request.startsWith(CREDENTIALS))).toEqual([])
})
