import { Agent } from 'undici'
import { expect, test } from 'vitest'
import { CREDENTIALS, HOUR, setup } from './setup.js'

test('keeps a source until the last of those who share it is closed, and then nothing of it', async () => {
  const { instance, registry, create } = setup()
  const [one, other] = [create(), create()]
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

test('remembers no dispatcher of providers that are closed', async () => {
  const { registry, create } = setup()
  for (let made = 0; made < 3; made += 1) {
    const provider = create({ dispatcher: new Agent() })
    await provider()
    await provider.close()
  }
  expect({ sources: registry.sources.size, tokens: registry.tokens.size }).toEqual({ sources: 0, tokens: 0 })
})

test('asks nothing more once it is closed, also where what is held is too short for the caller', async () => {
  const { clock, instance, create } = setup()
  const provider = create({ minTtl: 5 * HOUR })
  const other = create()
  await other()
  await clock.advance(2 * HOUR)
  instance.clearRequests()
  const ended = expect(provider()).rejects.toMatchObject({ code: 'CLOSED' })
  await provider.close()
  await ended
  await clock.advance(1_000)
  expect(instance.requests.filter((request) => request.startsWith(CREDENTIALS))).toEqual([])
})
