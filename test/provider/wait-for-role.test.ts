import { expect, test } from 'vitest'
import { waitForRole } from '../../src/provider/wait-for-role.js'
import { InstanceRoleError } from '../../src/errors.js'
import type { Fault } from '../../src/testing/index.js'
import { seededRandom } from '../../bench/simulation/seeded-random.js'
import { CREDENTIALS, HOUR, MINUTE, SECOND, setup, timed } from '../setup.js'

test('waits for a role that is attached while the instance boots', async () => {
  const { clock, instance, provider } = setup({ provider: { waitForRole: 30 * SECOND } })
  instance.disassociateProfile()
  clock.after(8 * SECOND, () => void instance.attachRole('late-role'))
  const { value, tookMs } = await timed(clock, provider())
  expect(value?.accessKeyId).toBe(instance.credentials?.accessKeyId)
  expect(tookMs).toBeGreaterThanOrEqual(8 * SECOND)
  expect(tookMs).toBeLessThan(13 * SECOND)
})

test.each<Fault>(['refuse', { status: 404 }, { status: 500 }, 'empty'])(
  'waits while the role listing fails with %j',
  async (fault) => {
    const { clock, instance, provider } = setup({ provider: { waitForRole: 30 * SECOND } })
    clock.after(5 * SECOND, instance.failUntilLifted('role', fault))
    const { value } = await timed(clock, provider())
    expect(value?.accessKeyId).toBe(instance.credentials?.accessKeyId)
  },
)

test('waits for a role in a call that forces a refresh as well', async () => {
  const { clock, instance, provider } = setup({ provider: { waitForRole: 30 * SECOND } })
  instance.disassociateProfile()
  clock.after(8 * SECOND, () => void instance.attachRole('late-role'))
  const { accessKeyId } = await provider({ forceRefresh: true })
  expect(accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test('stops looking when its caller gives up or the provider is closed', async () => {
  const { clock, instance, create } = setup()
  const [aborted, closed] = [create({ waitForRole: HOUR }), create({ waitForRole: HOUR })]
  instance.disassociateProfile()
  const abort = new AbortController()
  const outcomes = Promise.allSettled([aborted({ abortSignal: abort.signal }), closed()])
  await clock.advance(20 * SECOND)
  abort.abort(new Error('enough'))
  await closed.close()
  expect(await outcomes).toMatchObject([{ reason: { message: 'enough' } }, { reason: { code: 'CLOSED' } }])
  instance.clearRequests()
  await clock.advance(HOUR)
  expect(instance.requests).toEqual([])
})

test('looks at other instants than another process of the same boot', async () => {
  const looks = await Promise.all(
    [1, 2].map(async (seed) => {
      const { clock, instance, provider } = setup({ random: seededRandom(seed) })
      instance.disassociateProfile()
      clock.after(10 * SECOND, () => void instance.attachRole('late-role'))
      return (await timed(clock, provider.ready())).tookMs
    }),
  )
  expect(looks[0]).not.toEqual(looks[1])
})

test('throws the last failure if the role does not appear', async () => {
  const { clock, instance, provider } = setup({ provider: { waitForRole: 30 * SECOND } })
  instance.disassociateProfile()
  const { error, tookMs } = await timed(clock, provider())
  expect(error).toMatchObject({ code: 'NO_ROLE' })
  expect(tookMs).toBeGreaterThan(20 * SECOND)
  expect(tookMs).toBeLessThanOrEqual(40 * SECOND)
})

test.each([{}, { forceRefresh: true }])(
  'looks once more when the wait ends, in a call with %j',
  async (wishes) => {
    const { clock, instance, provider } = setup({ provider: { waitForRole: 30 * SECOND } })
    instance.disassociateProfile()
    clock.after(30 * SECOND - 1, () => void instance.attachRole('late-role'))
    const { value, tookMs } = await timed(clock, provider(wishes))
    expect(value?.accessKeyId).toBe(instance.credentials?.accessKeyId)
    expect(tookMs).toBe(30 * SECOND)
  },
)

test('does not wait for failures that time cannot fix', async () => {
  const { clock, instance, provider } = setup({ provider: { waitForRole: 30 * SECOND } })
  instance.modifyMetadataOptions({ metadataEnabled: false })
  expect(await timed(clock, provider())).toMatchObject({ error: { code: 'IMDS_DISABLED' }, tookMs: 0 })
})

test('sends as many requests for a hundred waiting calls as for one', async () => {
  const requests = await Promise.all(
    [1, 100].map(async (callers) => {
      const { clock, instance, create } = setup()
      instance.disassociateProfile()
      clock.after(20 * SECOND, () => void instance.attachRole('late-role'))
      await Promise.all(Array.from({ length: callers }, () => create({ waitForRole: MINUTE })()))
      return instance.requests.length
    }),
  )
  expect(Math.max(...requests)).toBeLessThan(2 * Math.min(...requests))
})

test('does not wait by default', async () => {
  const { clock, instance, provider } = setup()
  instance.disassociateProfile()
  expect(await timed(clock, provider())).toMatchObject({ error: { code: 'NO_ROLE' }, tookMs: 0 })
})

test('is ready when there are credentials, and says when it gives up', async () => {
  const { clock, instance, provider } = setup()
  instance.disassociateProfile()
  const late = await timed(clock, provider.ready({ timeout: 10 * SECOND }))
  expect(late).toMatchObject({ error: { code: 'NO_ROLE' } })
  expect(late.tookMs).toBeLessThanOrEqual(10 * SECOND)
  clock.after(3 * SECOND, () => void instance.attachRole('late-role'))
  expect(await provider.ready()).toMatchObject({ accessKeyId: instance.credentials?.accessKeyId })
})

test('ends the wait for readiness when it is aborted, or when the time is up during a try', async () => {
  const { clock, instance, provider } = setup()
  instance.failUntilLifted('all', { delayMs: HOUR })
  await expect(provider.ready({ abortSignal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
    'enough',
  )
  expect(await timed(clock, provider.ready({ timeout: 500 }))).toMatchObject({
    error: { code: 'TIMEOUT' },
    tookMs: 500,
  })
})

test('reports the last failure when the time is up during a later try', async () => {
  const { clock, instance, provider } = setup()
  instance.disassociateProfile()
  clock.after(1, () => void instance.failUntilLifted('all', { delayMs: HOUR }))
  const late = await timed(clock, provider.ready({ timeout: 2 * SECOND }))
  expect(late).toMatchObject({ error: { code: 'NO_ROLE' }, tookMs: 2 * SECOND })
})

test('starts no try after a firm wait, and leaves no timer', async () => {
  let [now, pausedUntil, timers] = [0, 0, 0]
  const after = () => {
    timers += 1
    return () => void (timers -= 1)
  }
  const sleep = (delayMs: number) => Promise.resolve(void (now += delayMs))
  const tries: number[] = []
  const tryOnce = () => {
    tries.push(now)
    pausedUntil = now + 1_000
    return Promise.reject(new InstanceRoleError('NO_ROLE', 'none'))
  }
  const wait = { forMs: 2_500, isFirm: true, isWanted: () => true, pauseMs: () => pausedUntil - now }
  await expect(waitForRole(tryOnce, wait, { after, elapsed: () => now, sleep })).rejects.toThrow('none')
  expect(tries).toEqual([0, 1_000, 2_000])
  expect(timers).toBe(0)
})

test('refuses a malformed timeout by its name', async () => {
  const { provider } = setup()
  await expect(provider.ready({ timeout: Number.NaN })).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringContaining('option timeout') as string,
  })
})

test('waits for a refresh if less time is left than requested', async () => {
  const { clock, instance, provider } = setup({ provider: { minTtl: 5 * HOUR } })
  await provider()
  await clock.advance(1.5 * HOUR)
  instance.clearRequests()
  const { accessKeyId } = await provider()
  expect(accessKeyId).toBe(instance.credentials?.accessKeyId)
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`])
})

test('tries at most once in 10 s for longer life than IMDS has', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  instance.clearRequests()
  for (let second = 0; second < 60; second += 1) {
    await provider({ minTtl: 7 * HOUR })
    await clock.advance(SECOND)
  }
  expect(instance.requests).toHaveLength(5)
})

test('returns the cached credentials if IMDS has none that live longer', async () => {
  const { clock, instance, provider } = setup()
  const held = await provider()
  await clock.advance(MINUTE)
  instance.failUntilLifted('all', { status: 500 })
  expect(await provider({ minTtl: 7 * HOUR })).toEqual(held)
})
