import type { InstanceRoleStatus } from 'instance-role'

/** What a load balancer and a person want to know of the credentials. */
export interface Health {
  readonly status: 'ok' | 'degraded' | 'failing'
  readonly credentials: InstanceRoleStatus
}

/** `degraded`: the last refresh failed, and what is held still serves. `failing`: there is nothing to serve. */
export function healthOf(credentials: InstanceRoleStatus, now: number): Health {
  const { expiration, originalExpiration, lastErrorCode } = credentials
  // Only shown while the expired set is served all the same.
  if (originalExpiration !== undefined) return { status: 'degraded', credentials }
  const isOver = expiration === undefined || Date.parse(expiration) <= now
  if (isOver) return { status: 'failing', credentials }
  return { status: lastErrorCode === undefined ? 'ok' : 'degraded', credentials }
}
