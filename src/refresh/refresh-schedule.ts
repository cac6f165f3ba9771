import { fullJitterMs } from './backoff.js'

/** A set of credentials as the schedule sees it. */
export interface Expiring {
  readonly id: string
  /** Epoch milliseconds; the true expiration, never an extended one. */
  readonly expiresAt: number
  /** How long the set lives by its own dates, where it has them. */
  readonly issuedLifeMs?: number | undefined
}

/** A moment on both clocks: the wall clock (epoch milliseconds), and the clock for durations. */
export interface Moment {
  readonly now: number
  readonly elapsedMs: number
}

/** A value that is held, and when to look for a fresher one. Instants are epoch milliseconds. */
export interface Held<T extends Expiring> {
  readonly value: T
  /** What was left when the value was first received. */
  readonly lifetimeMs: number
  /** When this very set was first received, on the clock for durations. */
  readonly receivedElapsedMs: number
  /** The end of the last try, successful or not. */
  readonly triedAt: number
  /** No try is due before this. */
  readonly refreshAt: number
  /** The hard point: from here callers wait for a fresh try. */
  readonly waitAt: number
  /** Failed tries since the last good one. */
  readonly failures: number
  /** Said to be no good by those who use it: the next call waits for a fresh try. */
  readonly isInvalidated?: true
  /** IMDS has said that it has no such credentials any more: they serve until their expiration, and no longer. */
  readonly isWithdrawn?: true
  /** Static stability: until when an expired value may be handed out without another try. */
  readonly extendedUntil?: number
}

/** What to do with what is held: return it, return it and refresh behind it, or wait for a fresh try. */
export type Verdict = 'use' | 'use-and-refresh' | 'refresh-first'

/** Callers wait in the last minute, or in the last tenth of a short lifetime. */
const HARD_WINDOW_MS = 60_000
const HARD_WINDOW_SHARE = 1 / 10
/** Between two tries that bring the same set: IMDS publishes a new one at least 5 min before the old one ends. */
const SAME_SET_PAUSE_MS = 10_000
/** Between two tries that bring a set already past its expiration; jittered up to twice this. */
const EXPIRED_SET_PAUSE_MS = 30_000
/**
 * How far ahead an expired set's new expiration lies, jittered up to twice this: nothing refuses it as expired, and caches that look
 * 5 min ahead ask again at once.
 */
const EXTENSION_MS = 120_000
const BACKOFF = { baseMs: 1_000, capMs: 60_000 }

/** What to do at `now`. Wall-clock times are compared afresh at each call, so suspend and clock steps do no harm. */
export function judge(now: number, held: Held<Expiring> | undefined): Verdict {
  if (held === undefined) return 'refresh-first'
  if (held.isInvalidated) return 'refresh-first'
  // A clock that went back behind the last try makes every other instant doubtful: try again.
  const due = now >= held.refreshAt || now < held.triedAt
  if (!due) return 'use'
  if (extensionAt(now, held) !== undefined) return 'use-and-refresh'
  return now < held.waitAt ? 'use-and-refresh' : 'refresh-first'
}

/** From when on a call refreshes what is held. */
export function nextRefreshAt(now: number, held: Held<Expiring>): number {
  return held.isInvalidated === true || now < held.triedAt ? now : held.refreshAt
}

/** Whether another try at `now` would come too soon after the last one to bring another set. */
export function wasTriedLately(now: number, held: Held<Expiring>): boolean {
  return now >= held.triedAt && now < held.triedAt + SAME_SET_PAUSE_MS
}

/** Whether `held` may be handed out at `now` when a fresh try has just failed. */
export function isServable(now: number, held: Held<Expiring>): boolean {
  return now < held.value.expiresAt || extensionAt(now, held) !== undefined
}

/**
 * Until when `held` is served although it is past its expiration; `undefined` where it is not. An extension that was decided at an
 * instant later than `now` does not stand: the clock was wrong then.
 */
export function extensionAt(now: number, held: Held<Expiring>): number | undefined {
  const { extendedUntil, triedAt, value } = held
  if (extendedUntil === undefined || now < value.expiresAt) return undefined
  return now >= triedAt && now < extendedUntil ? extendedUntil : undefined
}

/** What is held after a load brought `value`. */
export function afterSuccess<T extends Expiring>(
  moment: Moment,
  random: () => number,
  held: Held<T> | undefined,
  value: T,
): Held<T> {
  if (value.expiresAt > moment.now) return afterGoodSet(moment, random, held, value)
  const isHeldGood = held !== undefined && moment.now < held.value.expiresAt
  return isHeldGood ? afterWorseSet(moment.now, random, held) : afterExpiredSet(moment, random, value)
}

function afterGoodSet<T extends Expiring>(
  { now, elapsedMs }: Moment,
  random: () => number,
  held: Held<T> | undefined,
  value: T,
): Held<T> {
  const same = held?.value.id === value.id && held.value.expiresAt === value.expiresAt ? held : undefined
  const leftMs = value.expiresAt - now
  // A set that came while the clock was ahead seemed to have less to live.
  const lifetimeMs = Math.max(same?.lifetimeMs ?? 0, leftMs)
  const waitAt = value.expiresAt - Math.min(HARD_WINDOW_MS, lifetimeMs * HARD_WINDOW_SHARE)
  const receivedElapsedMs = same?.receivedElapsedMs ?? elapsedMs
  const plannedMs = Math.min(leftMs, restOfLifeMs(value, elapsedMs - receivedElapsedMs))
  const softPoint = now + (plannedMs / 2) * (0.9 + 0.2 * random())
  const pausedUntil = same === undefined ? now : now + SAME_SET_PAUSE_MS
  const refreshAt = Math.min(Math.max(Math.min(softPoint, waitAt), pausedUntil), value.expiresAt)
  return { value, lifetimeMs, receivedElapsedMs, triedAt: now, refreshAt, waitAt, failures: 0 }
}

/**
 * The longest that a set can still live by its own dates, counted from when it was first received: on a host whose clock is behind,
 * the wall clock promises more. It plans the next refresh, and is never an expiration.
 */
function restOfLifeMs({ issuedLifeMs }: Expiring, sinceReceivedMs: number): number {
  return issuedLifeMs === undefined ? Infinity : Math.max(0, issuedLifeMs - Math.max(0, sinceReceivedMs))
}

/** What is held after IMDS gave a set that is past its expiration, while the one that is held is good still. */
export function afterWorseSet<T extends Expiring>(now: number, random: () => number, held: Held<T>): Held<T> {
  const end = now < held.waitAt ? held.waitAt : held.value.expiresAt
  const refreshAt = Math.min(now + EXPIRED_SET_PAUSE_MS * (1 + random()), end)
  return { ...afterFailure(now, random, held, true), refreshAt }
}

/** IMDS itself can hand out expired sets while EC2 cannot renew them. */
function afterExpiredSet<T extends Expiring>(
  { now, elapsedMs }: Moment,
  random: () => number,
  value: T,
): Held<T> {
  return {
    value,
    lifetimeMs: 0,
    receivedElapsedMs: elapsedMs,
    triedAt: now,
    refreshAt: now + EXPIRED_SET_PAUSE_MS * (1 + random()),
    waitAt: value.expiresAt,
    failures: 0,
    extendedUntil: now + EXTENSION_MS * (1 + random()),
  }
}

/**
 * What is held after a try failed; `extend` where IMDS gave no verdict, so that an expired value may go on serving. A verdict stands
 * until there are credentials again.
 */
export function afterFailure<T extends Expiring>(
  now: number,
  random: () => number,
  held: Held<T>,
  extend: boolean,
): Held<T> {
  const { value, lifetimeMs, receivedElapsedMs, waitAt } = held
  const retryAt = now + backoffDelayMs(held.failures, random)
  const isWithdrawn = !extend || held.isWithdrawn === true
  const failed = {
    value,
    lifetimeMs,
    receivedElapsedMs,
    waitAt,
    triedAt: now,
    failures: held.failures + 1,
    ...(isWithdrawn && { isWithdrawn }),
  }
  if (now < waitAt) return { ...failed, refreshAt: Math.min(retryAt, waitAt) }
  if (now < value.expiresAt) return { ...failed, refreshAt: Math.min(retryAt, value.expiresAt) }
  if (isWithdrawn) return { ...failed, refreshAt: now }
  return { ...failed, refreshAt: retryAt, extendedUntil: now + EXTENSION_MS * (1 + random()) }
}

/** What is held once the caller has said that it is no good: the next call waits for a fresh try. */
export function afterInvalidation<T extends Expiring>(held: Held<T>): Held<T> {
  return { ...held, isInvalidated: true }
}

/** Full jitter of 1 s to 1 min. */
export function backoffDelayMs(failures: number, random: () => number): number {
  return fullJitterMs(failures, BACKOFF, random)
}
