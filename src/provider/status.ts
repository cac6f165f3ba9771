import type { LoadedRole } from '../credentials/credentials-load.js'
import type { SourceStatus } from '../credentials/credentials-source.js'
import type { InstanceRoleErrorCode } from '../errors.js'
import { isNegligible } from '../imds/clock-offset.js'
import { toIso } from '../runtime/iso.js'
import { extensionAt, type Held, isServable, nextRefreshAt } from '../refresh/refresh-schedule.js'

/**
 * What a provider can serve now, in a word:
 *
 * - `empty`: no usable credentials are held, and no load has failed since;
 * - `ok`: the credentials are valid, and the last load succeeded;
 * - `degraded`: the credentials are valid, but the last load failed or the role was detached;
 * - `extended`: the credentials are past their expiration and served all the same, because IMDS gives no others;
 * - `failing`: nothing can be served, and the last load failed.
 */
export type InstanceRoleState = 'empty' | 'ok' | 'degraded' | 'extended' | 'failing'

/** The state of a provider, safe to show and to serialise: no secret in it. Instants are ISO 8601. */
export interface InstanceRoleStatus {
  /** As of the last load: nothing runs by itself, so a health endpoint calls the provider first. */
  readonly state: InstanceRoleState
  /** The role whose credentials are held. */
  readonly roleName?: string
  /** As handed out by the next call. */
  readonly expiration?: string
  /** The true expiration, where the set is past it and still served. */
  readonly originalExpiration?: string
  /** When the last load that brought credentials ended. */
  readonly lastSuccess?: string
  /** Code of the last load's error, where it failed. */
  readonly lastErrorCode?: InstanceRoleErrorCode
  /** From when on a call refreshes. */
  readonly nextRefresh?: string
  /** HTTP requests made so far by all who share the credentials. */
  readonly requests: number
  /** How far the clock of IMDS was ahead of the host's with the last credentials, in milliseconds; absent below 2 s. */
  readonly clockOffsetMs?: number
}

/** What decides the state of a provider. */
export type StateFacts = Pick<SourceStatus, 'held' | 'lastErrorCode'>

/** The state of a provider at `now`, in epoch milliseconds. */
export function stateAt(now: number, { held, lastErrorCode }: StateFacts): InstanceRoleState {
  const hasFailed = lastErrorCode !== undefined
  if (held === undefined || !isServable(now, held)) return hasFailed ? 'failing' : 'empty'
  if (extensionAt(now, held) !== undefined) return 'extended'
  return hasFailed || held.isWithdrawn === true ? 'degraded' : 'ok'
}

/** What a provider shows of its source. */
export function describeStatus(source: SourceStatus, now: number): InstanceRoleStatus {
  const { held, lastSuccessAt, lastErrorCode, requests, clockOffsetMs } = source
  return {
    state: stateAt(now, source),
    ...(held !== undefined && describeHeld(held, now)),
    ...(lastSuccessAt !== undefined && { lastSuccess: toIso(lastSuccessAt) }),
    ...(lastErrorCode !== undefined && { lastErrorCode }),
    requests,
    ...(clockOffsetMs !== undefined && !isNegligible(clockOffsetMs) && { clockOffsetMs }),
  }
}

/** For `util.inspect`: role, state, error code and expiration in a line. */
export function inspectStatus(status: InstanceRoleStatus, now: number): string {
  const { roleName, state, lastErrorCode, expiration, originalExpiration = expiration } = status
  const isOver = originalExpiration !== undefined && Date.parse(originalExpiration) <= now
  const end = originalExpiration && `${isOver ? 'expired' : 'expires'} ${originalExpiration}`
  const parts = [roleName, state, lastErrorCode, end].filter((part) => part !== undefined)
  return `[instance-role provider: ${parts.join(', ')}]`
}

function describeHeld(held: Held<LoadedRole>, now: number): Partial<InstanceRoleStatus> {
  const extendedUntil = extensionAt(now, held)
  const trueExpiration = toIso(held.value.expiresAt)
  return {
    roleName: held.value.roleName,
    nextRefresh: toIso(nextRefreshAt(now, held)),
    ...(extendedUntil === undefined
      ? { expiration: trueExpiration }
      : { expiration: toIso(extendedUntil), originalExpiration: trueExpiration }),
  }
}
