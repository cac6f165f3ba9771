import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LoadPause } from '../../src/credentials/load-pause.js'
import { InstanceRoleError } from '../../src/errors.js'

const LONGEST_MS = 5_000
const failure = new InstanceRoleError('NO_ROLE', 'IMDS lists no role.')

function setup(startsAt: number) {
  const clock = { at: startsAt }
  const pause = new LoadPause({ elapsed: () => clock.at, random: () => 0.999 })
  return { clock, pause }
}

test('pauses for at most 5 s, and then forgets the failure', () => {
  const { clock, pause } = setup(1_000)
  for (let time = 0; time < 20; time += 1) pause.failed(failure)
  expect(pause.remembered()).toBe(failure)
  expect(pause.pauseMs()).toBeGreaterThan(4_000)
  expect(pause.pauseMs()).toBeLessThanOrEqual(LONGEST_MS)
  clock.at += LONGEST_MS
  expect(pause.pauseMs()).toBe(0)
  expect(pause.remembered()).toBeUndefined()
})

test('ends at most 5 s after the monotonic clock went back, however old the process is', () => {
  const times = fc.record({ failedAt: fc.nat({ max: 1e9 }), backAt: fc.nat({ max: 1e9 }) })
  fc.assert(
    fc.property(times, ({ failedAt, backAt }) => {
      const { clock, pause } = setup(failedAt)
      for (let time = 0; time < 20; time += 1) pause.failed(failure)
      clock.at = Math.min(failedAt, backAt)
      expect(pause.pauseMs()).toBeLessThanOrEqual(LONGEST_MS)
      clock.at += LONGEST_MS
      expect(pause.pauseMs()).toBe(0)
      expect(pause.remembered()).toBeUndefined()
    }),
  )
})
