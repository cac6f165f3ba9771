import { fullJitterMs } from './backoff.js'

/** The facts about a set of credentials that the schedule needs. */
export interface Expiring {
  readonly id: string
  /** Epoch milliseconds; the true expiration, never an extended one. */
  readonly expiresAt: number
  /** `Expiration` minus `LastUpdated`, if IMDS sent both. */
  readonly issuedLifeMs?: number | undefined
}

/** The end of a load on the wall clock (epoch milliseconds) and the monotonic clock, and the random source of jitter. */
export interface Moment {
  readonly now: number
  readonly elapsedMs: number
  readonly random: () => number
}

/** A cached value, and when to look for a newer one. Instants are epoch milliseconds. */
export interface Held<T extends Expiring> {
  readonly value: T
  /** Time left when this value was first received. */
  readonly lifetimeMs: number
  /** When this value was first received, on the monotonic clock. */
  readonly receivedElapsedMs: number
  /** When the last try ended, whether it succeeded or not. */
  readonly triedAt: number
  /** No refresh is due before this. */
  readonly refreshAt: number
  /** From here on, callers wait for a refresh. */
  readonly waitAt: number
  /** Failed tries since the last successful one. */
  readonly failures: number
  /** `invalidate()` was called: the next call waits for a fresh load. */
  readonly isInvalidated?: true
  /** IMDS said that it has no credentials any more: the cached ones are used until they expire, and never extended. */
  readonly isWithdrawn?: true
  /** Static stability: expired credentials may be served until this instant without another try. */
  readonly extendedUntil?: number
}

/** What to do with the cached value: return it, return it and refresh it behind the call, or wait for a refresh. */
export type Verdict = 'use' | 'use-and-refresh' | 'refresh-first'

/** Callers wait for a refresh in the last minute, or in the last tenth of a short lifetime. */
const HARD_WINDOW_MS = 60_000
const HARD_WINDOW_SHARE = 1 / 10
/** Pause between two loads that return the same credentials: IMDS publishes new ones at least 5 min before the old ones expire. */
const SAME_SET_PAUSE_MS = 10_000
/** Pause between two loads that return expired credentials; jittered up to twice this. Not above `LONGEST_RETRY_AFTER_MS`. */
const EXPIRED_SET_PAUSE_MS = 30_000
/**
 * How far ahead the new expiration of extended credentials lies; jittered up to twice this. It is far enough that no client refuses
 * the credentials as expired, and near enough that caches which refresh 5 min ahead ask again at once.
 */
const EXTENSION_MS = 120_000
/** The pause after failed refreshes has full jitter. */
const BACKOFF = { baseMs: 1_000, capMs: 60_000 }
/** Longest `Retry-After` that is obeyed. */
const LONGEST_RETRY_AFTER_MS = 60_000

/**
 * Decides what to do at `now`. Wall-clock instants are compared anew at each call, so suspending the host or setting its clock does
 * no harm.
 */
export function judge(now: number, held: Held<Expiring> | undefined): Verdict {
  if (held === undefined) return 'refresh-first'
  if (held.isInvalidated) return 'refresh-first'
  // If the clock was set back to before the last try, no other instant can be trusted: refresh.
  const due = now >= held.refreshAt || now < held.triedAt
  if (!due) return 'use'
  if (extensionAt(now, held) !== undefined) return 'use-and-refresh'
  return now < held.waitAt ? 'use-and-refresh' : 'refresh-first'
}

/** When the next refresh is due. */
export function nextRefreshAt(now: number, held: Held<Expiring>): number {
  return held.isInvalidated === true || now < held.triedAt ? now : held.refreshAt
}

/** Whether the last try was so recent that another one would return the same credentials. */
export function wasTriedLately(now: number, held: Held<Expiring>): boolean {
  return now >= held.triedAt && now < held.triedAt + SAME_SET_PAUSE_MS
}

/** Whether `held` may be returned at `now` after a refresh failed. */
export function isServable(now: number, held: Held<Expiring>): boolean {
  return now < held.value.expiresAt || extensionAt(now, held) !== undefined
}

/**
 * Until when expired credentials are served, or `undefined` if they are not. An extension that was decided later than `now` is
 * ignored: the clock was wrong at that time.
 */
export function extensionAt(now: number, held: Held<Expiring>): number | undefined {
  const { extendedUntil, triedAt, value } = held
  if (extendedUntil === undefined || now < value.expiresAt) return undefined
  return now >= triedAt && now < extendedUntil ? extendedUntil : undefined
}

/** Returns what to cache after a load returned `value`. Expired credentials do not replace valid ones. */
export function afterSuccess<T extends Expiring>(at: Moment, held: Held<T> | undefined, value: T): Held<T> {
  if (value.expiresAt > at.now) return afterGoodSet(at, held, value)
  if (held === undefined || at.now >= held.value.expiresAt) return afterExpiredSet(at, value)
  return afterFailure(at, held, true, expiredSetPauseMs(at.random))
}

function afterGoodSet<T extends Expiring>(at: Moment, held: Held<T> | undefined, value: T): Held<T> {
  const { now, elapsedMs, random } = at
  const same = isSameSet(held, value) ? held : undefined
  const leftMs = value.expiresAt - now
  // While the clock was ahead, the same credentials seemed to have less time left.
  const lifetimeMs = Math.max(same?.lifetimeMs ?? 0, leftMs)
  const waitAt = value.expiresAt - Math.min(HARD_WINDOW_MS, lifetimeMs * HARD_WINDOW_SHARE)
  const receivedElapsedMs = same?.receivedElapsedMs ?? elapsedMs
  const plannedMs = Math.min(leftMs, restOfLifeMs(value, elapsedMs - receivedElapsedMs))
  const softPoint = now + (plannedMs / 2) * (0.9 + 0.2 * random())
  const pausedUntil = same === undefined ? now : now + SAME_SET_PAUSE_MS
  const refreshAt = Math.min(Math.max(Math.min(softPoint, waitAt), pausedUntil), value.expiresAt)
  return { value, lifetimeMs, receivedElapsedMs, triedAt: now, refreshAt, waitAt, failures: 0 }
}

function isSameSet(held: Held<Expiring> | undefined, { id, expiresAt }: Expiring): boolean {
  return held?.value.id === id && held.value.expiresAt === expiresAt
}

/**
 * The longest time that the credentials can still be valid by their own dates, counted from when they were first received. If the
 * host's clock is behind, the wall clock promises more. It is used to plan the next refresh, never as an expiration.
 */
function restOfLifeMs({ issuedLifeMs }: Expiring, sinceReceivedMs: number): number {
  return issuedLifeMs === undefined ? Infinity : Math.max(0, issuedLifeMs - Math.max(0, sinceReceivedMs))
}

/** The pause after IMDS returned expired credentials, in ms. */
export function expiredSetPauseMs(random: () => number): number {
  return EXPIRED_SET_PAUSE_MS * (1 + random())
}

/** IMDS itself can return expired credentials while EC2 cannot renew them. */
function afterExpiredSet<T extends Expiring>({ now, elapsedMs, random }: Moment, value: T): Held<T> {
  return {
    value,
    lifetimeMs: 0,
    receivedElapsedMs: elapsedMs,
    triedAt: now,
    refreshAt: now + expiredSetPauseMs(random),
    waitAt: value.expiresAt,
    failures: 0,
    extendedUntil: now + EXTENSION_MS * (1 + random()),
  }
}

/**
 * Returns what to cache after a load failed. `extend` says whether expired credentials may be served, because IMDS was unavailable.
 * If IMDS said that there are none, that stands until a load succeeds. `retryAfterMs` is the shortest pause before the next try, which never lies beyond the expiration.
 */
export function afterFailure<T extends Expiring>(
  { now, random }: Moment,
  held: Held<T>,
  extend: boolean,
  retryAfterMs = 0,
): Held<T> {
  const { extendedUntil, isInvalidated, ...kept } = held
  const { value, waitAt } = held
  const askedMs = Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS)
  const retryAt = now + Math.max(fullJitterMs(held.failures, BACKOFF, random), askedMs)
  const isWithdrawn = !extend || held.isWithdrawn === true
  const failed = { ...kept, triedAt: now, failures: held.failures + 1, ...(isWithdrawn && { isWithdrawn }) }
  if (now < waitAt) return { ...failed, refreshAt: Math.min(retryAt, waitAt) }
  if (now < value.expiresAt) return { ...failed, refreshAt: Math.min(retryAt, value.expiresAt) }
  if (isWithdrawn) return { ...failed, refreshAt: now }
  return { ...failed, refreshAt: retryAt, extendedUntil: now + EXTENSION_MS * (1 + random()) }
}

/** Returns what to cache after `invalidate()`: the next call waits for a fresh load. */
export function afterInvalidation<T extends Expiring>(held: Held<T>): Held<T> {
  return { ...held, isInvalidated: true }
}
