import { expect, test } from 'vitest'
import { CREDENTIALS, HOUR, MINUTE, SECOND, setup, timed } from '../setup.js'

test('returns cached credentials at once after the refresh-ahead point, and refreshes behind the call', async () => {
  const { clock, instance, provider } = setup()
  const held = await provider()
  await clock.advance(4 * HOUR)
  instance.clearRequests()
  instance.fail('credentials', { delayMs: 300 })
  const { value, tookMs } = await timed(clock, provider())
  expect({ value, tookMs }).toEqual({ value: held, tookMs: 0 })
  await clock.advance(SECOND)
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`])
  expect((await provider()).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test('refreshes once behind the calls, however many there are', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  await clock.advance(4 * HOUR)
  instance.clearRequests()
  instance.fail('credentials', { delayMs: 500 })
  for (let call = 0; call < 100; call += 1) await provider()
  await clock.advance(SECOND)
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`])
})

test('makes no call wait after the first, with a call every 10 s for a day of hourly renewals at 300 ms per request', async () => {
  const { clock, instance, provider } = setup()
  instance.failUntilLifted('all', { delayMs: 300 })
  await provider()
  const waits: number[] = []
  for (let second = 0; second < 24 * 3_600; second += 10) {
    const { tookMs, error } = await timed(clock, provider())
    expect(error).toBeUndefined()
    if (tookMs > 0) waits.push(second)
    await clock.advance(10 * SECOND)
  }
  expect(waits).toEqual([])
  expect(instance.requests.length).toBeLessThan(3 + 24)
})

test.each([
  { lifetimeMs: 6 * HOUR, windowMs: MINUTE },
  { lifetimeMs: 5 * MINUTE, windowMs: 30 * SECOND },
])('makes calls wait only in the last $windowMs ms of $lifetimeMs ms', async ({ lifetimeMs, windowMs }) => {
  const { clock, instance, provider } = setup({ lifetimeMs, renewEveryMs: lifetimeMs })
  const { expiration } = await provider()
  instance.failUntilLifted('credentials', { delayMs: 200 })
  await clock.advance(expiration.getTime() - windowMs - 1 - clock.now())
  expect(await timed(clock, provider())).toMatchObject({ tookMs: 0 })
  await clock.advance(1)
  expect((await timed(clock, provider())).tookMs).toBeGreaterThan(0)
})

test('makes calls wait for a try after the refresh-first point', async () => {
  const { clock, instance, provider } = setup()
  const { expiration } = await provider()
  await clock.advance(expiration.getTime() - MINUTE - clock.now())
  instance.fail('credentials', { delayMs: 200 })
  const { value, tookMs } = await timed(clock, provider())
  expect(tookMs).toBe(200)
  expect(value?.accessKeyId).toBe(instance.credentials?.accessKeyId)
})
