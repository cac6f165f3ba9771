import type { RecordedRequest } from '../emulated-aws/verifying-aws-endpoint.js'

/** A set of credentials that AWS was called with. */
export interface SetInUse {
  readonly accessKeyId: string
  readonly roleName: string
  readonly firstUsedAt: number
  readonly expiresAt: number
}

type FindCredentials = (
  accessKeyId: string,
) => { readonly roleName: string; readonly expiration: Date } | undefined

/** The sets that AWS was called with, in the order of their first use. */
export function setsInUse(
  requests: readonly RecordedRequest[],
  findCredentials: FindCredentials,
): SetInUse[] {
  const sets = new Map<string, SetInUse>()
  for (const { accessKeyId = '', at } of requests) {
    const issued = findCredentials(accessKeyId)
    if (issued === undefined || sets.has(accessKeyId)) continue
    const { roleName, expiration } = issued
    sets.set(accessKeyId, { accessKeyId, roleName, firstUsedAt: at, expiresAt: expiration.getTime() })
  }
  return [...sets.values()]
}

/** For each set but the first: how long the one before it had still to live when it came into use. */
export function refreshMarginsMs(sets: readonly SetInUse[]): number[] {
  return sets.slice(1).map((set, before) => (sets[before]?.expiresAt ?? Number.NaN) - set.firstUsedAt)
}

/** One call that an application made. */
export interface Call {
  /** In milliseconds of real time. */
  readonly durationMs: number
  /** The code of the error that it failed with, or its name. */
  readonly error?: string
}

/** What became of some calls. */
export interface Tally {
  readonly ok: number
  readonly failed: number
  readonly slowestMs: number
  /** Each error once. */
  readonly errors: readonly string[]
}

export function tally(calls: readonly Call[]): Tally {
  const errors = calls.flatMap(({ error }) => (error === undefined ? [] : [error]))
  return {
    ok: calls.length - errors.length,
    failed: errors.length,
    slowestMs: Math.max(0, ...calls.map(({ durationMs }) => durationMs)),
    errors: [...new Set(errors)],
  }
}
