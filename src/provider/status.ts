import type { LoadedRole } from '../credentials/credentials-load.js'
import type { SourceStatus } from '../credentials/credentials-source.js'
import type { InstanceRoleErrorCode } from '../errors.js'
import { isNegligible } from '../imds/clock-offset.js'
import { extensionAt, type Held, nextRefreshAt } from '../refresh/refresh-schedule.js'

/** The state of a provider, safe to show and to serialise: no secret in it. Instants are ISO 8601. */
export interface InstanceRoleStatus {
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

/** What a provider shows of its source; `undefined` before its first call. */
export function describeStatus(source: SourceStatus | undefined, now: number): InstanceRoleStatus {
  if (source === undefined) return { requests: 0 }
  const { held, lastSuccessAt, lastErrorCode, requests, clockOffsetMs } = source
  return {
    ...(held !== undefined && describeHeld(held, now)),
    ...(lastSuccessAt !== undefined && { lastSuccess: toIso(lastSuccessAt) }),
    ...(lastErrorCode !== undefined && { lastErrorCode }),
    requests,
    ...(clockOffsetMs !== undefined && !isNegligible(clockOffsetMs) && { clockOffsetMs }),
  }
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

function toIso(instant: number): string {
  return new Date(instant).toISOString()
}
