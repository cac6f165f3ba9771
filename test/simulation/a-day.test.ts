import { expect, test, vi } from 'vitest'
import { DAY_OF_SHORT_SETS, DAY_WITH_OUTAGES, QUIET_DAY } from '../../bench/simulation/scenarios.js'
import { subject } from '../../bench/simulation/subjects.js'
import { simulate } from '../../bench/simulation/simulate.js'

// One that does not end in time would leave its virtual clock to the tests after it.
vi.setConfig({ testTimeout: 120_000 })

const CALLS_PER_DAY = 86_400
const HOUR_MS = 3_600_000

test('makes no call wait after the first or fail in a day with a call per second', async () => {
  const day = await simulate(subject('instance-role'), QUIET_DAY)
  expect(day).toMatchObject({ calls: CALLS_PER_DAY, waited: 0, failed: 0, servedExpired: 0 })
  // The first load, a refresh about every three hours, and a metadata token every six.
  expect(day.firstMinuteRequests).toBe(3)
  expect(day.requests).toBeLessThanOrEqual(3 + 24 / (3 * 0.9) + 24 / 6)
})

test('makes no call wait after the first or fail with 20 min without IMDS around every expiration', async () => {
  const day = await simulate(subject('instance-role'), DAY_WITH_OUTAGES)
  expect(day).toMatchObject({ calls: CALLS_PER_DAY, waited: 0, failed: 0, servedExpired: 0 })
})

test.each(['refuse', 'reset', { status: 503 }, { status: 429 }, 'broken-json', 'expired'] as const)(
  'makes no call wait or fail if outages are of the kind %j',
  async (fault) => {
    const day = await simulate(subject('instance-role'), { ...DAY_WITH_OUTAGES, fault })
    expect(day).toMatchObject({ calls: CALLS_PER_DAY, waited: 0, failed: 0, servedExpired: 0 })
  },
)

test('fails no call even if all new credentials are published in an outage', async () => {
  const sixHours = { ...DAY_OF_SHORT_SETS, durationMs: 6 * HOUR_MS }
  const outcome = await simulate(subject('instance-role'), sixHours)
  expect(outcome).toMatchObject({ calls: 6 * 3_600, failed: 0 })
  expect(outcome.servedExpired).toBeGreaterThan(0)
})

// Fails if the comparison is with a straw man: what the official provider is known to do, it does here.
test('shows that the SDK client sends three requests per refresh, and fails in an outage', async () => {
  const outcome = await simulate(subject('sdk-client'), { ...DAY_WITH_OUTAGES, durationMs: 7 * HOUR_MS })
  expect(outcome).toMatchObject({ calls: 7 * 3_600, firstMinuteRequests: 3, servedExpired: 0 })
  // The set of the first hour, which lives six: from five minutes before it expires until ten minutes after, each call.
  expect(outcome.failed).toBeGreaterThan(890)
  expect(outcome.failed).toBeLessThan(910)
})

test('shows that the official provider alone serves expired credentials there, by design', async () => {
  const outcome = await simulate(subject('official-memoized'), {
    ...DAY_WITH_OUTAGES,
    durationMs: 7 * HOUR_MS,
  })
  expect(outcome).toMatchObject({ failed: 0 })
  expect(outcome.servedExpired).toBeGreaterThan(0)
})

test('gives the same results however long each event may take effect', async () => {
  const scenario = { ...DAY_WITH_OUTAGES, durationMs: 6.5 * HOUR_MS }
  for (const name of ['instance-role', 'official-memoized'] as const) {
    const brief = await simulate(subject(name), scenario, 2)
    expect(await simulate(subject(name), scenario, 16)).toEqual(brief)
  }
})

test('gives other results with other random numbers', async () => {
  const scenario = { ...QUIET_DAY, durationMs: 4 * HOUR_MS }
  const one = await simulate(subject('instance-role'), { ...scenario, seed: 1 })
  const other = await simulate(subject('instance-role'), { ...scenario, seed: 2 })
  expect(other.minutes).not.toEqual(one.minutes)
})
