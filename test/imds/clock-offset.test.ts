import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { createProvider } from '../../src/provider/from-instance-role.js'
import { systemConfigSources } from '../../src/config/config-sources.js'
import { clockOffsetMs, correctionMs, ImdsClock } from '../../src/imds/clock-offset.js'
import { createRegistry } from '../../src/credentials/shared-sources.js'
import { createTestClock, emulateInstance } from '../../src/testing/index.js'
import { CREDENTIALS, HOUR, MINUTE, SECOND, TOKEN, virtualRuntime } from '../setup.js'

/** A host whose clock is off by `hostErrorMs` until it is set, on an instance whose metadata service knows the time. */
function setup(hostErrorMs: number) {
  let errorMs = hostErrorMs
  const clock = createTestClock({ startAt: Date.UTC(2026, 0, 1) })
  const instance = emulateInstance({ clock })
  const runtime = { ...virtualRuntime(clock), now: () => clock.now() + errorMs }
  const world = { runtime, registry: createRegistry(), configSources: systemConfigSources }
  const setHostClock = (aheadMs: number): void => void (errorMs = aheadMs)
  return {
    clock,
    instance,
    provider: createProvider({ dispatcher: instance.dispatcher }, world),
    setHostClock,
  }
}

test.each([-5 * HOUR, 5 * HOUR, 26 * HOUR])(
  'refreshes in time on a host whose clock is %d ms ahead',
  async (error) => {
    const { clock, instance, provider } = setup(error)
    await provider()
    instance.clearRequests()
    await clock.advance(2 * HOUR)
    await provider()
    await clock.advance(0)
    expect(instance.requests).toEqual([])
    await clock.advance(1.5 * HOUR)
    await provider()
    await clock.advance(0)
    expect(instance.requests).toEqual([`${CREDENTIALS} 200`])
    expect(provider.status().clockOffsetMs).toBe(-error)
  },
)

test.each(['0', '9999', '+275760-09-13T00:00:00Z', '2026-01-01T00:00:00Z', 'Thu, 01 Jan 2026'])(
  'takes no time from a Date header of %j',
  (header) => {
    expect(clockOffsetMs(header, Date.UTC(2026, 0, 1))).toBeUndefined()
  },
)

test('does not believe a recorded Date, by which credentials would live for years', () => {
  const now = Date.UTC(2026, 0, 1)
  const imds = new ImdsClock({ now: () => now, elapsed: () => 0 })
  imds.tell('Thu, 01 Dec 2022 16:00:00 GMT')
  expect(imds.correctionMs()).toBeLessThan(0)
  imds.check(now + 6 * HOUR)
  expect(imds.correctionMs()).toBe(0)
})

test.each([-20 * 365 * 24 * HOUR, -5 * HOUR, 26 * HOUR, 400 * 24 * HOUR])(
  'believes a Date by which credentials make sense, on a host that is %d ms ahead',
  (hostErrorMs) => {
    const now = Date.UTC(2026, 0, 1)
    const imds = new ImdsClock({ now: () => now + hostErrorMs, elapsed: () => 0 })
    imds.tell(new Date(now).toUTCString())
    imds.check(now + 6 * HOUR)
    expect(imds.correctionMs()).toBe(-hostErrorMs)
  },
)

test('extends by the clock of the host, which is the one that its clients go by', async () => {
  const { clock, instance, provider } = setup(5 * HOUR)
  const { expiration } = await provider()
  instance.failUntilLifted('all', 'refuse')
  await clock.advance(expiration.getTime() - clock.now())
  const extended = await provider()
  expect(extended.originalExpiration).toEqual(expiration)
  const aheadOfHostMs = extended.expiration.getTime() - (clock.now() + 5 * HOUR)
  expect(aheadOfHostMs).toBeGreaterThanOrEqual(MINUTE)
  expect(aheadOfHostMs).toBeLessThanOrEqual(4 * MINUTE)
})

test.each([0, 5 * HOUR, -5 * HOUR])(
  'tells the expiration that it hands out in the status and the event, with a clock %d ms ahead',
  async (error) => {
    const { clock, instance, provider } = setup(error)
    const { expiration } = await provider()
    instance.failUntilLifted('all', 'refuse')
    await clock.advance(expiration.getTime() - clock.now())
    const events: unknown[] = []
    const note = (event: unknown): void => void events.push(event)
    subscribe('instance-role:extended', note)
    const extended = (await provider()).expiration.toISOString()
    unsubscribe('instance-role:extended', note)
    expect(events).toMatchObject([{ expiration: extended, originalExpiration: expiration.toISOString() }])
    expect(provider.status()).toMatchObject({
      expiration: extended,
      originalExpiration: expiration.toISOString(),
    })
  },
)

test('tells by the clock of IMDS when the last load brought credentials', async () => {
  const { clock, provider } = setup(5 * HOUR)
  await provider()
  expect(Date.parse(provider.status().lastSuccess ?? '')).toBeCloseTo(clock.now(), -4)
})

test.each([
  { offsetMs: 0, correction: 0 },
  { offsetMs: 29 * SECOND, correction: 0 },
  { offsetMs: -29 * SECOND, correction: 0 },
  { offsetMs: 30 * SECOND, correction: 30 * SECOND },
  { offsetMs: -HOUR, correction: -HOUR },
])('corrects an offset of $offsetMs ms by $correction ms', ({ offsetMs, correction }) => {
  expect(correctionMs(offsetMs)).toBe(correction)
})

test.each([
  ['Thu, 01 Jan 2026 00:00:10 GMT', 10 * SECOND],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
])('reads the Date header %s', (header, offset) => {
  expect(clockOffsetMs(header, Date.UTC(2026, 0, 1))).toBe(offset)
})

test('hands out nothing expired as good when the host was suspended in the middle of an exchange', async () => {
  const { clock, instance, provider } = setup(0)
  instance.fail('credentials', { delayMs: 500 })
  clock.after(100, () => clock.stepWallClock(10 * HOUR))
  const { expiration, originalExpiration } = await provider()
  expect(originalExpiration?.getTime()).toBeLessThan(clock.now())
  expect(expiration.getTime()).toBeGreaterThan(clock.now())
  expect(provider.status().clockOffsetMs).not.toBeLessThan(-MINUTE)
})

test.each([
  { ahead: 5 * HOUR, idle: 6.5 * HOUR },
  { ahead: -5 * HOUR, idle: 6.5 * HOUR },
  { ahead: 26 * HOUR, idle: 7 * HOUR },
])(
  'hands out nothing expired as good where a clock $ahead ms ahead was set right after the load',
  async ({ ahead, idle }) => {
    const { clock, instance, provider, setHostClock } = setup(ahead)
    await provider()
    setHostClock(0)
    await clock.advance(idle)
    const { accessKeyId } = await provider()
    expect(accessKeyId).toBe(instance.credentials?.accessKeyId)
    expect(provider.status().clockOffsetMs).toBe(0)
  },
)

test('refreshes in time, and not at each call, where a clock 5 h ahead is set right meanwhile', async () => {
  const { clock, instance, provider, setHostClock } = setup(5 * HOUR)
  await provider()
  setHostClock(0)
  instance.clearRequests()
  await clock.advance(2 * HOUR)
  await provider()
  await clock.advance(0)
  expect(instance.requests).toEqual([])
  await clock.advance(1.5 * HOUR)
  await provider()
  await clock.advance(0)
  expect(instance.requests).toEqual([`${TOKEN} 200`, `${CREDENTIALS} 200`])
})

test('keeps the time of IMDS through an answer that does not tell it', async () => {
  const { clock, instance, provider } = setup(9 * HOUR)
  const held = await provider()
  await clock.advance(HOUR)
  instance.failUntilLifted('all', { status: 500, headers: { date: 'soon' } })
  expect(await provider({ forceRefresh: true })).toEqual(held)
  expect(provider.status().clockOffsetMs).toBe(-9 * HOUR)
})
