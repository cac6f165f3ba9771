import { expect, test, vi } from 'vitest'
import { ambientClock } from '../../src/testing/clock.js'
import { createTestClock } from '../../src/testing/index.js'

test('is the system’s clock while no test clock is installed', () => {
  vi.useFakeTimers({ now: 1_234 })
  expect(ambientClock.now()).toBe(1_234)
  vi.useRealTimers()
})

test('is the test clock while one is installed', async () => {
  using clock = createTestClock({ startAt: 0 })
  clock.install()
  await ambientClock.sleep(86_400_000)
  expect(ambientClock.now()).toBe(86_400_000)
})

test('does not sleep if the signal is aborted already', async () => {
  await ambientClock.sleep(86_400_000, AbortSignal.abort())
})

test('wakes a sleeper whose signal is aborted', async () => {
  const calledOff = new AbortController()
  const slept = ambientClock.sleep(86_400_000, calledOff.signal)
  calledOff.abort()
  await slept
})

test('wakes a sleeper', async () => {
  await ambientClock.sleep(1, new AbortController().signal)
})
