import { expect, test } from 'vitest'
import { clients, fleet } from '../../bench/simulation/scenarios.js'
import { subject } from '../../bench/simulation/subjects.js'
import { simulate } from '../../bench/simulation/world.js'

const HOUR_MS = 3_600_000

test.each([1, 10, 100, 1_000])('loads once for %i clients in one process', async (count) => {
  const outcome = await simulate(subject('instance-role'), { ...clients(count), durationMs: HOUR_MS })
  expect(outcome).toMatchObject({ requests: 3, waited: 0, failed: 0 })
})

test('loads once per client with the official provider', async () => {
  const outcome = await simulate(subject('sdk-client'), { ...clients(100), durationMs: HOUR_MS })
  expect(outcome.requests).toBe(300)
})

test.each([1, 10, 100])('fails no call in %i processes that start in the same second', async (count) => {
  const outcome = await simulate(subject('instance-role'), { ...fleet(count), durationMs: 8 * HOUR_MS })
  expect(outcome).toMatchObject({ failed: 0 })
  expect(outcome.allServedAfterMs).toBeLessThan(10_000)
})

test('spreads the refreshes of processes that started together', async () => {
  const outcome = await simulate(subject('instance-role'), { ...fleet(100), durationMs: 24 * HOUR_MS })
  expect(outcome.requests).toBeGreaterThan(1_000)
  expect(outcome.peakPerSecond).toBeLessThan(20)
})

test('comes to rest where 500 processes start in the same second, beyond what IMDS lets through', async () => {
  const outcome = await simulate(subject('instance-role'), { ...fleet(500), durationMs: 4 * HOUR_MS })
  expect(outcome.dropped).toBeGreaterThan(0)
  expect(outcome.allServedAfterMs).toBeLessThan(60_000)
  const [, ...laterMinutes] = outcome.minutes
  expect(laterMinutes.filter(({ failed }) => failed > 0)).toEqual([])
})
