import { expect, test } from 'vitest'
import { healthState } from '../../src/cli/health-state.js'
import { HOUR, MINUTE, setup } from '../setup.js'

const NOW = Date.UTC(2026, 0, 1)
const LATER = new Date(NOW + 60_000).toISOString()
const BEFORE = new Date(NOW - 60_000).toISOString()

test.each([
  ['empty', {}],
  ['ok', { expiration: LATER }],
  ['degraded', { expiration: LATER, lastErrorCode: 'TIMEOUT' }],
  ['extended', { expiration: LATER, originalExpiration: BEFORE, lastErrorCode: 'TIMEOUT' }],
  ['failing', { expiration: BEFORE, lastErrorCode: 'NO_ROLE' }],
  ['failing', { expiration: BEFORE }],
  ['failing', { lastErrorCode: 'NO_ROLE' }],
] as const)('is %s for %j', (state, status) => {
  expect(healthState({ requests: 3, ...status }, NOW)).toBe(state)
})

test('follows a provider through an outage', async () => {
  const { clock, instance, provider } = setup()
  const state = () => healthState(provider.status(), clock.now())
  expect(state()).toBe('empty')
  await provider()
  expect(state()).toBe('ok')
  instance.failUntilLifted('all', { status: 500 })
  await clock.advance(4 * HOUR)
  await provider()
  await clock.advance(MINUTE)
  expect(state()).toBe('degraded')
  await clock.advance(2 * HOUR)
  const last = provider()
  await clock.advance(MINUTE)
  await last
  expect(state()).toBe('extended')
  instance.clearFaults()
  await clock.advance(2 * MINUTE)
  await provider({ forceRefresh: true })
  expect(state()).toBe('ok')
})

test('is failing where the first load fails', async () => {
  const { clock, instance, provider } = setup()
  instance.disassociateProfile()
  const failed = expect(provider()).rejects.toThrow()
  await clock.advance(MINUTE)
  await failed
  expect(healthState(provider.status(), clock.now())).toBe('failing')
})
