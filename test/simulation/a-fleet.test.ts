import { expect, test, vi } from 'vitest'
import { clients, fleet } from '../../bench/simulation/scenarios.js'
import { subject } from '../../bench/simulation/subjects.js'
import { simulate } from '../../bench/simulation/simulate.js'

// One that does not end in time would leave its virtual clock to the tests after it.
vi.setConfig({ testTimeout: 120_000 })

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

test.each([1, 10, 100, 1_000])('loads once for %i clients in one process', async (count) => {
  const outcome = await simulate(subject('instance-role'), { ...clients(count), durationMs: 5 * MINUTE_MS })
  expect(outcome).toMatchObject({ requests: 3, waited: 0, failed: 0 })
})

test('loads once per client with the official provider', async () => {
  const outcome = await simulate(subject('sdk-client'), { ...clients(100), durationMs: 5 * MINUTE_MS })
  expect(outcome).toMatchObject({ requests: 300, failed: 0 })
})

test.each([1, 10, 100])('fails no call in %i processes that start in the same second', async (count) => {
  const outcome = await simulate(subject('instance-role'), { ...fleet(count), durationMs: 10 * MINUTE_MS })
  expect(outcome).toMatchObject({ failed: 0 })
  expect(outcome.allServedAfterMs).toBeLessThan(10_000)
})

test('spreads the refreshes of processes that started together', async () => {
  const outcome = await simulate(subject('instance-role'), { ...fleet(100), durationMs: 4 * HOUR_MS })
  expect(outcome.requests - outcome.firstMinuteRequests).toBeGreaterThanOrEqual(100)
  expect(outcome.peakPerSecond).toBeLessThan(10)
})

test('recovers if 500 processes start in the same second, beyond the packet limit of IMDS', async () => {
  const outcome = await simulate(subject('instance-role'), { ...fleet(500), durationMs: 2 * MINUTE_MS })
  expect(outcome.dropped).toBeGreaterThan(0)
  // 500 × 3 requests of 10 packets take 14.6 s at the least.
  expect(outcome.allServedAfterMs).toBeLessThan(20_000)
  const [, ...laterMinutes] = outcome.minutes
  expect(laterMinutes.filter(({ failed }) => failed > 0)).toEqual([])
})
