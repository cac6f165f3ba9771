import type { RecordedRequest } from '../emulated-aws/verifying-aws-endpoint.js'

/** Credentials that AWS was called with. */
export interface SetInUse {
  readonly accessKeyId: string
  readonly roleName: string
  readonly firstUsedAt: number
  readonly expiresAt: number
}

type FindCredentials = (
  accessKeyId: string,
) => { readonly roleName: string; readonly expiration: Date } | undefined

/** Returns the credentials that AWS was called with, in the order of their first use. */
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

/** For all credentials except the first ones: the remaining life of the previous ones when these were first used. */
export function refreshMarginsMs(sets: readonly SetInUse[]): number[] {
  return sets.slice(1).map((set, before) => (sets[before]?.expiresAt ?? Number.NaN) - set.firstUsedAt)
}

/** One call that an application made. */
export interface Call {
  /** Milliseconds of real time. */
  readonly durationMs: number
  /** The code or the name of its error. */
  readonly error?: string
}

/** The results of some calls. */
export interface Tally {
  readonly ok: number
  readonly failed: number
  readonly slowestMs: number
  /** The different errors. */
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
