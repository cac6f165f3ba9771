import { Agent } from 'undici'
import { expect, test } from 'vitest'
import { systemConfigSources } from '../src/config-sources.js'
import { createProvider } from '../src/from-instance-role.js'
import type { InstanceRoleOptions } from '../src/options.js'
import { createRegistry } from '../src/shared-sources.js'
import { createTestClock, emulateInstance } from '../src/testing/index.js'
import { CREDENTIALS, HOUR, virtualRuntime } from './setup.js'

/** Providers that share whatever can be shared. */
function setup() {
  const clock = createTestClock({ startAt: Date.UTC(2026, 0, 1) })
  const instance = emulateInstance({ clock })
  const registry = createRegistry()
  const world = { runtime: virtualRuntime(clock, instance), registry, configSources: systemConfigSources }
  return {
    clock,
    instance,
    registry,
    open: (options: InstanceRoleOptions = {}) => createProvider(options, world),
  }
}

test('keeps a source until the last of those who share it is closed, and then nothing of it', async () => {
  const { instance, registry, open } = setup()
  const [one, other] = [open(), open()]
  await Promise.all([one(), other()])
  expect(registry.sources.size).toBe(1)

  await one.close()
  instance.clearRequests()
  await other()
  expect(instance.requests).toEqual([])

  await other.close()
  await other.close()
  expect(registry.sources.size).toBe(0)
})

test('ends the waits of the provider that is closed, and of no other that shares the load', async () => {
  const { clock, instance, open } = setup()
  const [one, other] = [open(), open()]
  instance.fail('credentials', { delayMs: 500 })
  const ended = expect(one()).rejects.toMatchObject({ code: 'CLOSED' })
  const served = other()
  await one.close()
  await ended
  await clock.advance(500)
  expect((await served).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test('remembers no dispatcher of providers that are closed', async () => {
  const { registry, open } = setup()
  for (let made = 0; made < 3; made += 1) {
    const provider = open({ dispatcher: new Agent() })
    await provider()
    await provider.close()
  }
  expect({ sources: registry.sources.size, tokens: registry.tokens.size }).toEqual({ sources: 0, tokens: 0 })
})

test('asks nothing more once it is closed, also where what is held is too short for the caller', async () => {
  const { clock, instance, open } = setup()
  const provider = open({ minTtl: 5 * HOUR })
  const other = open()
  await other()
  await clock.advance(2 * HOUR)
  instance.clearRequests()
  const ended = expect(provider()).rejects.toMatchObject({ code: 'CLOSED' })
  await provider.close()
  await ended
  await clock.advance(1_000)
  expect(instance.requests.filter((request) => request.startsWith(CREDENTIALS))).toEqual([])
})
