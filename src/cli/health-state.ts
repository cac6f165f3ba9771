import type { InstanceRoleStatus } from '../index.js'

/** `empty`: nothing loaded yet; `degraded`: valid, but the last load failed; `extended`: served past its expiration. */
export type HealthState = 'empty' | 'ok' | 'degraded' | 'extended' | 'failing'

/** The state of a provider, derived from its `status()` at `now` (epoch milliseconds). */
export function healthState(status: InstanceRoleStatus, now: number): HealthState {
  const { expiration, originalExpiration, lastErrorCode } = status
  if (expiration === undefined) return lastErrorCode === undefined ? 'empty' : 'failing'
  if (Date.parse(expiration) <= now) return 'failing'
  if (originalExpiration !== undefined) return 'extended'
  return lastErrorCode === undefined ? 'ok' : 'degraded'
}
