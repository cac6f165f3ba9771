import { expect, test } from 'vitest'
import { keepRenewed, renewalAt } from '../../src/cli/keep-renewed.js'
import { createTestClock, type GivenCredentials } from '../../src/testing/index.js'
import { HOUR, MINUTE, SECOND } from '../setup.js'

const STARTS_AT = Date.UTC(2026, 0, 1)

/** Credentials of an hour, renewed on a clock that only the test moves, until `failing` makes the renewal fail. */
function setup({ lifeMs = HOUR } = {}) {
  const clock = createTestClock({ startAt: STARTS_AT })
  const stopping = new AbortController()
  const renewedAt: number[] = []
  const failures: unknown[] = []
  const state: { failing?: Error; beforeAnswer?: () => void } = {}
  const issue = (): GivenCredentials => ({
    accessKeyId: 'FAKE',
    secretAccessKey: 'FAKE',
    sessionToken: 'FAKE',
    expiration: new Date(clock.now() + lifeMs),
  })
  const ended = keepRenewed(issue(), {
    clock,
    stopped: stopping.signal,
    renew: () => {
      state.beforeAnswer?.()
      return state.failing ? Promise.reject(state.failing) : Promise.resolve(issue())
    },
    onRenewed: () => void renewedAt.push(clock.now() - STARTS_AT),
    onFailed: (error) => void failures.push(error),
  })
  return { clock, stopping, ended, renewedAt, failures, state }
}

test.each([
  ['an hour', 60, 45],
  ['12 hours', 720, 705],
  ['a quarter of an hour', 15, 7.5],
])('renews credentials that live %s in time', (_life, lifeMinutes, dueMinutes) => {
  expect(renewalAt(0, lifeMinutes * MINUTE)).toBe(dueMinutes * MINUTE)
})

test('renews all later credentials as well', async () => {
  const { clock, renewedAt } = setup()
  await clock.advance(3 * HOUR + SECOND)
  expect(renewedAt).toEqual([45, 90, 135, 180].map((minutes) => minutes * MINUTE))
})

test('retries every ten seconds after a failure, and then continues as before', async () => {
  const { clock, renewedAt, failures, state } = setup()
  const error = new Error('refused')
  state.failing = error
  await clock.advance(45 * MINUTE + 25 * SECOND)
  expect(failures).toEqual([error, error, error])
  delete state.failing
  await clock.advance(45 * MINUTE + 10 * SECOND)
  expect(renewedAt).toEqual([45 * MINUTE + 30 * SECOND, 90 * MINUTE + 30 * SECOND])
})

test('renews within half a minute after a suspended machine wakes up', async () => {
  const { clock, renewedAt } = setup()
  clock.stepWallClock(2 * HOUR)
  await clock.advance(31 * SECOND)
  expect(renewedAt).toEqual([2 * HOUR + 30 * SECOND])
})

test('sends at most one request per second if the credentials that come have expired', async () => {
  const { clock, renewedAt } = setup({ lifeMs: -HOUR })
  await clock.advance(3 * SECOND + 1)
  expect(renewedAt).toEqual([1, 2, 3].map((seconds) => seconds * SECOND))
})

test('ends when it is stopped, without waiting for the next renewal', async () => {
  const { clock, stopping, ended, renewedAt } = setup()
  stopping.abort()
  await ended
  expect(clock.now()).toBe(STARTS_AT)
  expect(renewedAt).toEqual([])
})

test.each(['gives', 'refuses'])('reports nothing of what STS %s after the stop', async (verb) => {
  const { clock, stopping, ended, renewedAt, failures, state } = setup()
  state.beforeAnswer = () => stopping.abort()
  if (verb === 'refuses') state.failing = new Error('refused')
  await clock.advance(HOUR)
  await ended
  expect({ renewedAt, failures }).toEqual({ renewedAt: [], failures: [] })
})
