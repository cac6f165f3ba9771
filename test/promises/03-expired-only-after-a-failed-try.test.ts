import { expect, test } from 'vitest'
import { CREDENTIALS, HOUR, MINUTE, SECOND, setup } from '../setup.js'

/** Caches credentials that expire at the current time, while IMDS is down. */
async function setupAtExpiry() {
  const world = setup()
  const held = await world.provider()
  const lift = world.instance.failUntilLifted('all', { status: 500 })
  await world.clock.advance(held.expiration.getTime() - world.clock.now())
  world.instance.clearRequests()
  return { ...world, held, lift }
}

test('waits for a try when the cached credentials have expired', async () => {
  const { instance, provider, lift } = await setupAtExpiry()
  lift()
  instance.rotate()
  expect((await provider()).accessKeyId).toBe(instance.credentials?.accessKeyId)
  expect(instance.requests).toContain(`${CREDENTIALS} 200`)
})

test('extends expired credentials if the try finds IMDS unavailable, says so, and keeps the true expiration', async () => {
  const { clock, instance, provider, held } = await setupAtExpiry()
  const extended = await provider()
  expect(instance.requests.length).toBeGreaterThan(0)
  expect(extended).toMatchObject({ accessKeyId: held.accessKeyId, originalExpiration: held.expiration })
  const aheadMs = extended.expiration.getTime() - clock.now()
  expect(aheadMs).toBeGreaterThanOrEqual(2 * MINUTE)
  expect(aheadMs).toBeLessThanOrEqual(4 * MINUTE)
  expect(provider.status()).toMatchObject({
    originalExpiration: held.expiration.toISOString(),
    lastErrorCode: 'SERVER_ERROR',
  })
})

test('retries within seconds behind the calls while credentials are extended', async () => {
  const { clock, instance, provider, lift } = await setupAtExpiry()
  await provider()
  lift()
  instance.rotate()
  const extendedAt = clock.now()
  let current = await provider()
  while (current.originalExpiration !== undefined) {
    await clock.advance(SECOND)
    current = await provider()
  }
  expect(current.accessKeyId).toBe(instance.credentials?.accessKeyId)
  expect(clock.now() - extendedAt).toBeLessThan(70 * SECOND)
})

test('waits for another try if nobody called until the extension ended', async () => {
  const { clock, instance, provider } = await setupAtExpiry()
  await provider()
  await clock.advance(HOUR)
  instance.clearRequests()
  const extended = await provider()
  expect(instance.requests.length).toBeGreaterThan(0)
  expect(extended.expiration.getTime()).toBeGreaterThan(clock.now())
})

type World = Awaited<ReturnType<typeof setupAtExpiry>>

test.each<{ code: string; verdict: (world: World) => void }>([
  { code: 'NO_ROLE', verdict: ({ instance }) => instance.disassociateProfile() },
  {
    code: 'IMDS_DISABLED',
    verdict: ({ instance }) => instance.modifyMetadataOptions({ metadataEnabled: false }),
  },
  {
    code: 'ROLE_NOT_ASSUMABLE',
    verdict: ({ instance }) =>
      instance.failUntilLifted('credentials', { code: 'AssumeRoleUnauthorizedAccess' }),
  },
])(
  'does not extend if IMDS says that there are no credentials any more: $code',
  async ({ code, verdict }) => {
    const world = await setupAtExpiry()
    world.lift()
    verdict(world)
    await expect(world.provider()).rejects.toMatchObject({ code })
  },
)

test.each(['behind the callers', 'by a caller'])(
  'does not extend credentials that IMDS said are gone (told %s), although IMDS is unavailable when they expire',
  async (told) => {
    const { clock, instance, provider } = setup()
    const { expiration } = await provider()
    instance.disassociateProfile()
    if (told === 'by a caller') await provider({ forceRefresh: true })
    else await clock.advance(5 * HOUR)
    await provider()
    await clock.advance(0)
    expect(provider.status().lastErrorCode).toBe('NO_ROLE')

    instance.failUntilLifted('all', { status: 503 })
    await clock.advance(expiration.getTime() - clock.now())
    await expect(provider()).rejects.toMatchObject({ code: 'SERVER_ERROR' })
    await clock.advance(MINUTE)
    await expect(provider()).rejects.toMatchObject({ code: 'SERVER_ERROR' })
  },
)

test('extends the credentials of a role that came after one that was gone', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  instance.disassociateProfile()
  await provider({ forceRefresh: true })
  instance.attachRole('app-role')
  const { expiration } = await provider({ forceRefresh: true })
  instance.failUntilLifted('all', { status: 503 })
  await clock.advance(expiration.getTime() - clock.now())
  expect((await provider()).originalExpiration).toEqual(expiration)
})

test('ends an extension as soon as IMDS says that the role is gone', async () => {
  const { clock, instance, provider, lift } = await setupAtExpiry()
  await provider()
  lift()
  instance.disassociateProfile()
  await clock.advance(MINUTE)
  await provider()
  await clock.advance(0)
  await expect(provider()).rejects.toMatchObject({ code: 'NO_ROLE' })
})

test('serves first credentials that are already expired as extended, and retries after at least 30 s', async () => {
  const { clock, instance, provider } = setup()
  const lift = instance.failUntilLifted('credentials', 'expired')
  const first = await provider()
  expect(first.originalExpiration?.getTime()).toBeLessThan(clock.now())
  expect(first.expiration.getTime()).toBeGreaterThan(clock.now())
  lift()
  instance.clearRequests()
  await clock.advance(29 * SECOND)
  await provider()
  await clock.advance(0)
  expect(instance.requests).toEqual([])
  await clock.advance(31 * SECOND)
  await provider()
  await clock.advance(0)
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`])
  expect(await provider()).not.toHaveProperty('originalExpiration')
})
