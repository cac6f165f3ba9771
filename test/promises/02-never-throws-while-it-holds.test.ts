import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Fault } from '../../src/testing/index.js'
import { HOUR, MINUTE, SECOND, setup } from '../setup.js'

const OUTAGES: readonly Fault[] = [
  'refuse',
  'silence',
  'reset-mid-body',
  'html',
  'expired',
  { status: 500 },
  { status: 403 },
  { status: 404 },
  { code: 'AssumeRoleUnauthorizedAccess' },
]

test.each(OUTAGES)(
  'returns cached credentials until they expire, while IMDS fails with %j',
  async (fault) => {
    const { clock, instance, provider } = setup()
    const { accessKeyId, expiration } = await provider()
    instance.failUntilLifted('all', fault)
    while (clock.now() + 7 * MINUTE < expiration.getTime()) {
      await clock.advance(7 * MINUTE)
      expect((await provider()).accessKeyId).toBe(accessKeyId)
    }
    // A try takes up to 10 s.
    await clock.advance(expiration.getTime() - clock.now() - 10 * SECOND - 1)
    expect(await provider()).toMatchObject({ accessKeyId, expiration })
  },
)

test('returns cached credentials if a forced refresh fails', async () => {
  const { instance, provider } = setup()
  const held = await provider()
  instance.failUntilLifted('all', { status: 503 })
  expect(await provider({ forceRefresh: true })).toEqual(held)
})

test('returns cached credentials if they were invalidated and IMDS is down', async () => {
  const { instance, provider } = setup()
  const held = await provider()
  instance.failUntilLifted('all', 'refuse')
  provider.invalidate()
  expect(await provider()).toEqual(held)
})

test('returns unexpired credentials at any time in any outage, whatever the random numbers', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...OUTAGES),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 12 }),
      fc.integer(),
      async (fault, pauses, seed) => {
        const { clock, instance, provider } = setup({ random: () => Math.abs(Math.sin(seed)) })
        const { expiration } = await provider()
        instance.failUntilLifted('all', fault)
        for (const pause of pauses) {
          await clock.advance(pause * MINUTE)
          if (clock.now() >= expiration.getTime()) break
          await expect(provider()).resolves.toBeDefined()
        }
      },
    ),
    { numRuns: 40 },
  )
})

test('keeps unexpired credentials if IMDS returns expired ones', async () => {
  const { clock, instance, provider } = setup()
  const held = await provider()
  await clock.advance(4 * HOUR)
  instance.failUntilLifted('credentials', 'expired')
  await provider()
  await clock.advance(0)
  expect(await provider()).toEqual(held)
})

test('returns cached credentials if the wall clock is set back to before their expiration', async () => {
  const { clock, instance, provider } = setup()
  const held = await provider()
  instance.modifyMetadataOptions({ metadataEnabled: false })
  await clock.advance(7 * HOUR)
  await expect(provider()).rejects.toMatchObject({ code: 'IMDS_DISABLED' })
  await expect(provider()).rejects.toMatchObject({ code: 'IMDS_DISABLED' })
  clock.stepWallClock(-7 * HOUR)
  provider.invalidate()
  expect(await provider()).toEqual(held)
})
