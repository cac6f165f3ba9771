import type { Runtime } from '../runtime/runtime.js'

/** For the end of a sentence about a time limit: the program itself may have used it up. */
export function tellBlocked(blockedMs: number): string {
  return blockedMs === 0 ? '' : `; the event loop of this process was blocked for ${blockedMs} ms of it`
}

/** A timer this late was held up by the program, not by a coarse clock. */
const BLOCKED_MS = 50

/**
 * Calls back when `limitMs` have passed, saying for how long the event loop was blocked; what comes back cancels.
 *
 * Time in which the event loop was blocked is given back once: an answer cannot be read meanwhile, and its absence
 * says nothing about the other side. Bytes that have arrived already are read before the limit is called.
 */
export function startTimeLimit(
  runtime: Pick<Runtime, 'after' | 'afterPoll'>,
  limitMs: number,
  onEnd: (blockedMs: number) => void,
): () => void {
  let cancelled = false
  const end = (blockedMs: number): void =>
    runtime.afterPoll(() => {
      if (!cancelled) onEnd(blockedMs)
    })
  let cancelTimer = runtime.after(limitMs, (lateMs) => {
    if (lateMs < BLOCKED_MS) end(0)
    else cancelTimer = runtime.after(Math.min(lateMs, limitMs), () => end(Math.round(lateMs)))
  })
  return () => {
    cancelled = true
    cancelTimer()
  }
}
