import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { createTestClock, emulateInstance } from '../../src/testing/index.js'
import { findProviderState } from '../../src/testing/provider-state.js'

afterEach(() => vi.useRealTimers())

function setup() {
  const clock = createTestClock({ startAt: 1_000 })
  const fired: string[] = []
  const after = (delayMs: number, name: string): (() => void) =>
    clock.after(delayMs, (lateMs) =>
      fired.push(`${name} at ${clock.now()}${lateMs > 0 ? `, ${lateMs} late` : ''}`),
    )
  return { clock, fired, after }
}

test('starts at the given instant', () => {
  expect(createTestClock({ startAt: new Date('2030-01-01T00:00:00Z') }).now()).toBe(Date.UTC(2030, 0, 1))
})

test('starts at the current time, in whole seconds, by default', () => {
  vi.useFakeTimers({ now: 1_234_567 })
  expect(createTestClock().now()).toBe(1_234_000)
})

test('refuses to start at an invalid instant', () => {
  expect(() => createTestClock({ startAt: new Date('never') })).toThrow(RangeError)
})

test('fires timers in time order, each at its time', async () => {
  const { clock, fired, after } = setup()
  after(20, 'second')
  after(10, 'first')
  after(31, 'never')
  await clock.advance(30)
  expect(fired).toEqual(['first at 1010', 'second at 1020'])
  expect(clock.now()).toBe(1_030)
})

test('fires timers of the same instant in the order in which they were set', async () => {
  const { clock, fired, after } = setup()
  after(10, 'a')
  after(10, 'b')
  await clock.advance(10)
  expect(fired).toEqual(['a at 1010', 'b at 1010'])
})

test('fires a timer that another timer has set, if it is due', async () => {
  const { clock, fired, after } = setup()
  clock.after(10, () => after(10, 'nested'))
  await clock.advance(25)
  expect(fired).toEqual(['nested at 1020'])
})

test('does not fire a cancelled timer', async () => {
  const { clock, fired, after } = setup()
  after(10, 'cancelled')()
  await clock.advance(20)
  expect(fired).toEqual([])
})

test('lets the code of a timer run before the next timer fires', async () => {
  const { clock, fired, after } = setup()
  clock.after(10, () => void Promise.resolve().then(() => fired.push(`went on at ${clock.now()}`)))
  after(20, 'next')
  await clock.advance(20)
  expect(fired).toEqual(['went on at 1010', 'next at 1020'])
})

test('refuses to go back', async () => {
  await expect(createTestClock().advance(-1)).rejects.toThrow(RangeError)
})

test('passes by itself for a sleeper', async () => {
  const { clock, fired, after } = setup()
  after(10, 'on the way')
  after(60, 'after that')
  await clock.sleep(50)
  expect(clock.now()).toBe(1_050)
  expect(fired).toEqual(['on the way at 1010'])
})

test('wakes several sleepers, each at its time', async () => {
  const { clock } = setup()
  const wake = async (delayMs: number): Promise<number> => {
    await clock.sleep(delayMs)
    return clock.now()
  }
  expect(await Promise.all([wake(30), wake(10), wake(20)])).toEqual([1_030, 1_010, 1_020])
})

test('lets a sleeper that woke continue, however long it takes, before the next one wakes', async () => {
  const { clock } = setup()
  const workFor = async (delayMs: number, turns: number): Promise<number> => {
    await clock.sleep(delayMs)
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
    return clock.now()
  }
  expect(await Promise.all([workFor(10, 8), workFor(11, 8), workFor(12, 8)])).toEqual([1_010, 1_011, 1_012])
})

test('sleepers wake and timers fire exactly on time', async () => {
  const delays = fc.array(fc.nat({ max: 1_000 }), { maxLength: 8 })
  const property = fc.asyncProperty(delays, delays, async (naps, timers) => {
    const clock = createTestClock({ startAt: 0 })
    const fired: number[] = []
    for (const delayMs of timers) clock.after(delayMs, () => fired.push(clock.now()))
    const woken = naps.map(async (delayMs) => {
      await clock.sleep(delayMs)
      return clock.now()
    })
    expect(await Promise.all(woken)).toEqual(naps)
    await clock.advance(1_000)
    expect(fired).toEqual(timers.toSorted((a, b) => a - b))
  })
  await fc.assert(property, { numRuns: 50 })
})

test('a timer without an end never fires', async () => {
  const { clock, fired, after } = setup()
  const controller = new AbortController()
  after(Infinity, 'never')
  const passed = clock.passUntil(controller.signal)
  await clock.advance(10)
  controller.abort()
  await passed
  expect(fired).toEqual([])
})

test('two callers that wait for one signal both continue when it is aborted', async () => {
  const { clock } = setup()
  const controller = new AbortController()
  const both = Promise.all([clock.passUntil(controller.signal), clock.passUntil(controller.signal)])
  const third = clock.sleep(5, controller.signal)
  await third
  controller.abort()
  await both
  expect(clock.now()).toBe(1_005)
})

test('does not pass further for a sleeper that is aborted', async () => {
  const { clock, after } = setup()
  const calledOff = new AbortController()
  clock.after(10, () => calledOff.abort())
  after(20, 'later')
  await clock.sleep(1_000, calledOff.signal)
  expect(clock.now()).toBe(1_010)
})

test('passes from timer to timer until a signal is aborted', async () => {
  const { clock, fired, after } = setup()
  const signal = new AbortController()
  after(10, 'other')
  clock.after(20, () => signal.abort())
  after(30, 'too late')
  await clock.passUntil(signal.signal)
  expect(fired).toEqual(['other at 1010'])
  expect(clock.now()).toBe(1_020)
})

test('waits for a timer, or the abort itself, when there is none', async () => {
  const { clock } = setup()
  const [first, second] = [new AbortController(), new AbortController()]
  const passed = Promise.all([clock.passUntil(first.signal), clock.passUntil(second.signal)])
  await clock.advance(0)
  first.abort()
  clock.after(40, () => second.abort())
  await passed
  expect(clock.now()).toBe(1_040)
})

test('fires timers late when the event loop was blocked', () => {
  const { clock, fired, after } = setup()
  after(10, 'timer')
  clock.blockEventLoop(500)
  expect(fired).toEqual(['timer at 1500, 490 late'])
})

test('sets the wall clock without affecting timers', async () => {
  const { clock, fired, after } = setup()
  after(10, 'timer')
  clock.stepWallClock(1_000_000)
  expect(fired).toEqual([])
  await clock.advance(10)
  expect(fired).toEqual(['timer at 1001010'])
})

test("is the providers' clock from install to release", () => {
  const clock = createTestClock().install()
  expect(findProviderState()?.clock).toBe(clock)
  clock.release()
  expect(findProviderState()?.clock).toBeUndefined()
})

test('is released when its scope ends', () => {
  {
    using clock = createTestClock()
    clock.install()
  }
  expect(findProviderState()?.clock).toBeUndefined()
})

test('does not release a clock that was installed later', () => {
  const first = createTestClock().install()
  using second = createTestClock().install()
  first.release()
  expect(findProviderState()?.clock).toBe(second)
})

test('is the clock of an instance without its own clock, while installed', () => {
  const instance = emulateInstance()
  using clock = createTestClock({ startAt: 5_000_000_000_000 })
  clock.install()
  instance.rotate()
  expect(instance.credentials?.issuedAt).toBe(5_000_000_000_000)
})

test('without a test clock, an instance uses fake timers', async () => {
  vi.useFakeTimers({ now: Date.UTC(2030, 0, 1) })
  const instance = emulateInstance()
  const first = instance.credentials
  expect(first?.expiration).toEqual(new Date('2030-01-01T06:00:00Z'))
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(instance.credentials?.issuedAt).toBe(Date.UTC(2030, 0, 1, 1))
})

test('without a test clock, delays are those of fake timers', async () => {
  vi.useFakeTimers()
  const instance = emulateInstance({ httpTokens: 'optional' })
  instance.fail('all', { delayMs: 60_000 })
  const answered = vi.fn()
  const answer = instance.dispatcher.request({ method: 'GET', path: '/latest/meta-data/mac' }).then(answered)
  await vi.advanceTimersByTimeAsync(59_999)
  expect(answered).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  await answer
  expect(answered).toHaveBeenCalledOnce()
})
