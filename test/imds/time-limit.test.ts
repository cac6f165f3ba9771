import { expect, test } from 'vitest'
import { startTimeLimit } from '../../src/imds/time-limit.js'

/** Timers that the test fires, each as late as it says. */
function setup(limitMs: number) {
  const delaysMs: number[] = []
  const fire: ((lateMs: number) => void)[] = []
  const ended: number[] = []
  const runtime = {
    after: (delayMs: number, callback: (lateMs: number) => void) => {
      delaysMs.push(delayMs)
      fire.push(callback)
      return () => {}
    },
    afterPoll: (callback: () => void) => callback(),
  }
  const cancel = startTimeLimit(runtime, limitMs, (blockedMs) => void ended.push(blockedMs))
  return { delaysMs, fire, ended, cancel }
}

test.each([0, 49])('ends at its limit, even if %d ms late', (lateMs) => {
  const { fire, ended } = setup(1_000)
  fire[0]?.(lateMs)
  expect(ended).toEqual([0])
})

test.each([
  { lateMs: 50, givenBackMs: 50 },
  { lateMs: 999, givenBackMs: 999 },
  { lateMs: 10_000, givenBackMs: 1_000 },
])('gives back $givenBackMs ms once if the event loop was blocked for $lateMs ms', (given) => {
  const { delaysMs, fire, ended } = setup(1_000)
  fire[0]?.(given.lateMs)
  expect(delaysMs).toEqual([1_000, given.givenBackMs])
  expect(ended).toEqual([])
  fire[1]?.(5_000)
  expect(ended).toEqual([given.lateMs])
})

test('does not call back after it is cancelled', () => {
  const { fire, ended, cancel } = setup(1_000)
  cancel()
  fire[0]?.(0)
  expect(ended).toEqual([])
})
