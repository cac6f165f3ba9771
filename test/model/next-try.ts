import { MINUTE, SECOND } from '../setup.js'

/**
 * When the next try has to come, told anew from the design and from what is seen: a window, because the random numbers are the library's own.
 * Instants are epoch milliseconds.
 */
export interface NextTry {
  readonly triedAt: number
  /** Nobody tries before this unless asked to. */
  readonly from: number
  /** A call from this on begins a try. */
  readonly by: number
  /** A call from this on waits for the try that it begins. */
  readonly hardAt: number
  /** When this very set was first received, on the clock for durations. */
  readonly receivedMs: number
}

/** A set that a try brought. Its life by its own dates is a range, where the set cannot be told for certain. */
export interface ReceivedSet {
  readonly expiresAt: number
  readonly shortestLifeMs: number
  readonly longestLifeMs: number
}

/** What is told and what is computed may differ by as much: instants are told in whole milliseconds. */
const GRAIN_MS = 1

/** After a try that brought a set; `same` is what was known before, where that is the set which was held. */
export function afterSet(
  now: number,
  elapsedMs: number,
  { expiresAt, shortestLifeMs, longestLifeMs }: ReceivedSet,
  same: NextTry | undefined,
): NextTry {
  const receivedMs = same?.receivedMs ?? elapsedMs
  const leftMs = expiresAt - now
  if (leftMs <= 0)
    return { triedAt: now, from: now + 30 * SECOND, by: now + MINUTE, hardAt: expiresAt, receivedMs }
  // No set is planned to live longer than it was made for, from when it was first received.
  const heldMs = Math.max(0, elapsedMs - receivedMs)
  const planned = (lifeMs: number): number => Math.min(leftMs, Math.max(0, lifeMs - heldMs))
  // A minute, or a tenth of what was left when the set was first seen.
  const hardAt = same?.hardAt ?? expiresAt - Math.min(MINUTE, leftMs / 10)
  const pausedUntil = same === undefined ? now : now + 10 * SECOND
  const from = Math.max(Math.min(now + 0.45 * planned(shortestLifeMs), expiresAt - MINUTE), pausedUntil)
  const by = Math.max(Math.min(now + 0.55 * planned(longestLifeMs), hardAt), pausedUntil)
  return {
    triedAt: now,
    from: Math.min(from, expiresAt) - GRAIN_MS,
    by: Math.min(by, expiresAt) + GRAIN_MS,
    hardAt,
    receivedMs,
  }
}

/** After a try that failed, and said when the next one comes. */
export function afterFailedTry(before: NextTry, now: number, announcedAt: number): NextTry {
  return { ...before, triedAt: now, from: announcedAt - GRAIN_MS, by: announcedAt + GRAIN_MS }
}

/** A clock that went back behind the last try makes another due. */
export function isDue(now: number, { triedAt, by }: NextTry): boolean {
  return now >= by || now < triedAt
}

export function isEarly(now: number, { triedAt, from }: NextTry): boolean {
  return now >= triedAt && now < from
}

/** The longest that the next try after so many failures in a row may let wait. */
export function longestBackoffMs(failures: number): number {
  return Math.min(MINUTE, SECOND * 2 ** (failures - 1))
}

/** The shortest that it lets wait after IMDS gave a set past its expiration, while the one that is held is good still. */
export function shortestPauseMs({ hardAt }: NextTry, now: number, expiresAt: number): number {
  const end = now < hardAt ? hardAt : expiresAt
  return Math.min(30 * SECOND, end - now)
}
