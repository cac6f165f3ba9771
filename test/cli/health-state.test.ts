import { expect, test } from 'vitest'
import { healthState } from '../../src/cli/health-state.js'

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
