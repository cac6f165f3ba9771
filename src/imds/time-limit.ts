import type { Runtime } from '../runtime/runtime.js'

/** Ends a sentence about a time limit: the program itself may have used the time. */
export function tellBlocked(blockedMs: number): string {
  return blockedMs === 0 ? '' : `; the event loop of this process was blocked for ${blockedMs} ms of it`
}

/** A timer that is this late was delayed by the program, not by a coarse clock. */
const BLOCKED_MS = 50

/**
 * Calls back after `limitMs`, with the time for which the event loop was blocked. Returns a function that cancels the call.
 *
 * Time during which the event loop was blocked is given back once: no response could be read, so its absence says nothing about the
 * server. Data that has already arrived is read before the callback.
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
