import { expect, test } from 'vitest'
import { seededRandom } from '../../bench/simulation/seeded-random.js'
import { HOUR, MINUTE, SECOND, setup } from '../setup.js'

test('returns the same credentials with the same expiration after a failed refresh', async () => {
  const { clock, instance, provider } = setup()
  const held = await provider()
  instance.failUntilLifted('all', { status: 500 })
  await clock.advance(4 * HOUR)
  await provider()
  await clock.advance(10 * SECOND)
  expect(await provider()).toEqual(held)
  expect(provider.status().lastErrorCode).toBe('SERVER_ERROR')
})

test('retries with growing pauses of at most a minute in an outage of an hour', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  await clock.advance(4 * HOUR)
  instance.clearRequests()
  instance.failUntilLifted('all', { status: 500 })
  for (let second = 0; second < 3_600; second += 1) {
    await provider()
    await clock.advance(SECOND)
  }
  const loads = instance.requests.length / 4
  // Full jitter under a cap of 60 s waits 30 s on average.
  expect(loads).toBeGreaterThan(3_600 / 60)
  expect(loads).toBeLessThan(3_600 / 15)
})

test('does not load at the same instants as another process in the same outage', async () => {
  const retries = await Promise.all(
    [1, 2].map(async (seed) => {
      // One try per load: the two differ in when the next load comes, not in how long a load takes.
      const { clock, instance, provider } = setup({
        random: seededRandom(seed),
        provider: { retries: 0 },
      })
      await provider()
      instance.failUntilLifted('all', { status: 500 })
      await clock.advance(4 * HOUR)
      await provider()
      await clock.advance(MINUTE)
      return provider.status().nextRefresh
    }),
  )
  expect(retries[0]).not.toBe(retries[1])
})

test('recovers by itself after the outage', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  instance.failFor(5 * HOUR, 'all', 'refuse')
  for (let minute = 0; minute < 5.5 * 60; minute += 1) {
    await provider()
    await clock.advance(MINUTE)
  }
  expect((await provider()).accessKeyId).toBe(instance.credentials?.accessKeyId)
  expect(provider.status()).not.toHaveProperty('lastErrorCode')
})

test('retries after at least 30 s if IMDS returns expired credentials', async () => {
  const { clock, instance, provider } = setup()
  const held = await provider()
  await clock.advance(4 * HOUR)
  instance.clearRequests()
  instance.failUntilLifted('credentials', 'expired')
  for (let second = 0; second < 300; second += 1) {
    expect(await provider()).toEqual(held)
    await clock.advance(SECOND)
  }
  // Every 30 to 60 s.
  expect(instance.requests.length).toBeGreaterThanOrEqual(5)
  expect(instance.requests.length).toBeLessThanOrEqual(10)
})
