import type { LoadedRole } from './credentials-load.js'
import { InstanceRoleError, type InstanceRoleErrorCode } from '../errors.js'
import type { InstanceRoleEvents } from '../events/events.js'
import type { Held } from '../refresh/refresh-schedule.js'
import type { Change } from '../refresh/refreshing-cache.js'

/** The events of a load, by their names; no name comes twice. */
export type StateEvents = Partial<InstanceRoleEvents>

/** What a load did to the cached credentials; nothing where there are none. */
export function stateEvents({ before, after, error }: Change<Held<LoadedRole>>): StateEvents {
  if (after === undefined) return {}
  if (error === undefined) return { ...eventsOfSuccess(before, after), ...extension(after) }
  return error instanceof InstanceRoleError ? eventsOfFailure(after, error) : {}
}

function eventsOfSuccess(before: Held<LoadedRole> | undefined, after: Held<LoadedRole>): StateEvents {
  const { roleName, id, expiresAt } = after.value
  const previous = before?.value
  const isAnotherRole = previous !== undefined && previous.roleName !== roleName
  return {
    ...(isAnotherRole && { 'instance-role:role-changed': { from: previous.roleName, to: roleName } }),
    'instance-role:refreshed': { roleName, expiration: toIso(expiresAt), isNew: previous?.id !== id },
  }
}

function eventsOfFailure(after: Held<LoadedRole>, { code: errorCode, step }: InstanceRoleError): StateEvents {
  const { roleName, expiresAt } = after.value
  const expiration = toIso(expiresAt)
  const nextRefresh = toIso(after.refreshAt)
  const failed = { roleName, expiration, nextRefresh, errorCode, ...(step !== undefined && { step }) }
  return {
    'instance-role:refresh-failed': failed,
    ...extension(after, errorCode),
    ...(errorCode === 'NO_ROLE' && { 'instance-role:role-detached': { roleName, expiration } }),
  }
}

function extension(
  { value, extendedUntil }: Held<LoadedRole>,
  errorCode?: InstanceRoleErrorCode,
): StateEvents {
  if (extendedUntil === undefined) return {}
  const { roleName, expiresAt } = value
  const instants = { originalExpiration: toIso(expiresAt), expiration: toIso(extendedUntil) }
  const why = errorCode === undefined ? {} : { errorCode }
  return { 'instance-role:extended': { roleName, ...instants, ...why } }
}

function toIso(instant: number): string {
  return new Date(instant).toISOString()
}
