import { MINUTE, SECOND } from '../setup.js'

/**
 * When the next try must come, computed again from the design and from the observations. It is a range, because the random numbers
 * belong to the library. Instants are epoch milliseconds.
 */
export interface NextTry {
  readonly triedAt: number
  /** No try starts before this, unless a caller asks for it. */
  readonly from: number
  /** A call after this starts a try. */
  readonly by: number
  /** A call after this waits for the try that it starts. */
  readonly hardAt: number
  /** When these credentials were first received, on the monotonic clock. */
  readonly receivedMs: number
}

/** The credentials that a try returned. Their life by their own dates is a range if they cannot be identified for certain. */
export interface ReceivedSet {
  readonly expiresAt: number
  readonly shortestLifeMs: number
  readonly longestLifeMs: number
}

/** Reported and computed instants may differ by this much, because events have whole milliseconds. */
const GRAIN_MS = 1

/** After a try that returned credentials. `same` is the previous knowledge, if they are the cached ones. */
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
  // A plan never assumes a longer life than the issued one, counted from the first receipt.
  const heldMs = Math.max(0, elapsedMs - receivedMs)
  const planned = (lifeMs: number): number => Math.min(leftMs, Math.max(0, lifeMs - heldMs))
  // A minute, or a tenth of the life that was left at first receipt.
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

/** After a failed try, which reported when the next one comes. */
export function afterFailedTry(before: NextTry, now: number, announcedAt: number): NextTry {
  return { ...before, triedAt: now, from: announcedAt - GRAIN_MS, by: announcedAt + GRAIN_MS }
}

/** If the clock was set back to before the last try, another try is due. */
export function isDue(now: number, { triedAt, by }: NextTry): boolean {
  return now >= by || now < triedAt
}

export function isEarly(now: number, { triedAt, from }: NextTry): boolean {
  return now >= triedAt && now < from
}

/** The longest pause before the next try after so many consecutive failures. */
export function longestBackoffMs(failures: number): number {
  return Math.min(MINUTE, SECOND * 2 ** (failures - 1))
}

/** The shortest pause after IMDS returned expired credentials while the cached ones are valid. */
export function shortestPauseMs({ hardAt }: NextTry, now: number, expiresAt: number): number {
  const end = now < hardAt ? hardAt : expiresAt
  return Math.min(30 * SECOND, end - now)
}
