import { expect, test } from 'vitest'
import { DAY_OF_SHORT_SETS, DAY_WITH_OUTAGES, QUIET_DAY } from '../../bench/simulation/scenarios.js'
import { subject } from '../../bench/simulation/subjects.js'
import { simulate } from '../../bench/simulation/world.js'

const CALLS_PER_DAY = 86_400

test('lets no call wait after the first, and none fail, in a day of a call a second', async () => {
  const day = await simulate(subject('instance-role'), QUIET_DAY)
  expect(day).toMatchObject({ calls: CALLS_PER_DAY, waited: 0, failed: 0, servedExpired: 0 })
})

test('lets no call wait after the first, and none fail, with 20 min without IMDS around every expiration', async () => {
  const day = await simulate(subject('instance-role'), DAY_WITH_OUTAGES)
  expect(day).toMatchObject({ calls: CALLS_PER_DAY, waited: 0, failed: 0, servedExpired: 0 })
})

test.each(['refuse', 'reset', { status: 503 }, { status: 429 }, 'broken-json', 'expired'] as const)(
  'lets no call wait or fail where outages are of the kind %j',
  async (fault) => {
    const day = await simulate(subject('instance-role'), { ...DAY_WITH_OUTAGES, fault })
    expect(day).toMatchObject({ calls: CALLS_PER_DAY, waited: 0, failed: 0, servedExpired: 0 })
  },
)

test('fails no call even where every next set is published in an outage', async () => {
  const day = await simulate(subject('instance-role'), DAY_OF_SHORT_SETS)
  expect(day).toMatchObject({ calls: CALLS_PER_DAY, failed: 0 })
})

test('asks IMDS once a refresh, and three times for the first load', async () => {
  const { firstMinuteRequests, requests } = await simulate(subject('instance-role'), QUIET_DAY)
  const tokens = 24 / 6
  expect(firstMinuteRequests).toBe(3)
  // Sets live six hours, and are renewed after about three.
  expect(requests).toBeLessThanOrEqual(2 + 24 / (3 * 0.9) + tokens)
})

// Prevents that the comparison is with a straw man: what the official provider is known to do, it does here.
test('shows the SDK client failing in the outages, as it does outside the simulation', async () => {
  const day = await simulate(subject('sdk-client'), DAY_WITH_OUTAGES)
  expect(day.calls).toBe(CALLS_PER_DAY)
  // From five minutes before each expiration of a set it holds until ten minutes after.
  expect(day.failed).toBeGreaterThan(2_000)
  expect(day.servedExpired).toBe(0)
})

test('asks three times a refresh with the official provider', async () => {
  const { firstMinuteRequests, requests } = await simulate(subject('sdk-client'), QUIET_DAY)
  expect(firstMinuteRequests).toBe(3)
  expect(requests).toBe(5 * 3)
})

test('comes out the same however long each event is given to take effect', async () => {
  const scenario = { ...DAY_WITH_OUTAGES, durationMs: 6.5 * 3_600_000 }
  for (const name of ['instance-role', 'official-memoized'] as const) {
    const brief = await simulate(subject(name), scenario, 2)
    expect(await simulate(subject(name), scenario, 16)).toEqual(brief)
  }
})

test('comes out otherwise with other dice', async () => {
  const one = await simulate(subject('instance-role'), { ...QUIET_DAY, seed: 1 })
  const other = await simulate(subject('instance-role'), { ...QUIET_DAY, seed: 2 })
  expect(other.minutes).not.toEqual(one.minutes)
})
