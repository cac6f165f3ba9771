import type { LoadedRole } from '../credentials/credentials-loader.js'
import type { SourceStatus } from '../credentials/credentials-source.js'
import type { InstanceRoleErrorCode } from '../errors.js'
import { isNegligible } from '../imds/clock-offset.js'
import { toIso } from '../runtime/iso.js'
import { extensionAt, type Held, isServable, nextRefreshAt } from '../refresh/refresh-schedule.js'

/**
 * What a provider can serve now:
 *
 * - `empty`: there are no usable credentials, and no load has failed since;
 * - `ok`: the credentials are valid, and the last load succeeded;
 * - `degraded`: the credentials are valid, but the last load failed or the role was detached;
 * - `extended`: the credentials have expired and are still served, because IMDS gives no others;
 * - `failing`: nothing can be served, and the last load failed.
 */
export type InstanceRoleState = 'empty' | 'ok' | 'degraded' | 'extended' | 'failing'

/** The status of a provider. It contains no secret and can be serialised. Instants are ISO 8601 text. */
export interface InstanceRoleStatus {
  /** The state after the last load. Nothing runs in the background, so a health endpoint calls the provider first. */
  readonly state: InstanceRoleState
  /** The role of the cached credentials. */
  readonly roleName?: string
  /** The expiration that the next call returns. */
  readonly expiration?: string
  /** The true expiration, if the credentials have expired and are still served. */
  readonly originalExpiration?: string
  /** When the last successful load ended. */
  readonly lastSuccess?: string
  /** Error code of the last load, if it failed. */
  readonly lastErrorCode?: InstanceRoleErrorCode
  /** The next call after this instant refreshes the credentials. */
  readonly nextRefresh?: string
  /** Number of HTTP requests so far, of all providers that share the credentials. */
  readonly requests: number
  /** How far the clock of IMDS was ahead of the host's when the credentials were loaded, in milliseconds. Absent below 2 s. */
  readonly clockOffsetMs?: number
}

/** The facts that decide the state of a provider. */
export type StateFacts = Pick<SourceStatus, 'held' | 'lastErrorCode'>

/** Returns the state of a provider at `now`, in epoch milliseconds. */
export function stateAt(now: number, { held, lastErrorCode }: StateFacts): InstanceRoleState {
  const hasFailed = lastErrorCode !== undefined
  if (held === undefined || !isServable(now, held)) return hasFailed ? 'failing' : 'empty'
  if (extensionAt(now, held) !== undefined) return 'extended'
  return hasFailed || held.isWithdrawn === true ? 'degraded' : 'ok'
}

/** Returns the status of a source. */
export function describeStatus(source: SourceStatus, now: number): InstanceRoleStatus {
  const { held, lastSuccessAt, lastErrorCode, requests } = source
  const clockOffsetMs = held?.value.clockOffsetMs
  return {
    state: stateAt(now, source),
    ...(held !== undefined && describeHeld(held, now)),
    ...(lastSuccessAt !== undefined && { lastSuccess: toIso(lastSuccessAt) }),
    ...(lastErrorCode !== undefined && { lastErrorCode }),
    requests,
    ...(clockOffsetMs !== undefined && !isNegligible(clockOffsetMs) && { clockOffsetMs }),
  }
}

/** The line for `util.inspect`: role, state, error code and expiration. */
export function inspectStatus(status: InstanceRoleStatus, now: number): string {
  const { roleName, state, lastErrorCode, expiration, originalExpiration = expiration } = status
  const isOver = originalExpiration !== undefined && Date.parse(originalExpiration) <= now
  const end = originalExpiration && `${isOver ? 'expired' : 'expires'} ${originalExpiration}`
  const parts = [roleName, state, lastErrorCode, end].filter((part) => part !== undefined)
  return `[instance-role provider: ${parts.join(', ')}]`
}

function describeHeld(held: Held<LoadedRole>, now: number): Partial<InstanceRoleStatus> {
  const extendedUntil = extensionAt(now, held)
  const { roleName, expiresAt } = held.value
  return {
    roleName,
    nextRefresh: toIso(nextRefreshAt(now, held)),
    expiration: toIso(extendedUntil ?? expiresAt),
    ...(extendedUntil !== undefined && { originalExpiration: toIso(expiresAt) }),
  }
}
