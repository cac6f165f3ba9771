import { setTimeout as realSleep } from 'node:timers/promises'
import { type Clock, createTestClock } from 'instance-role/testing'

/** Time that passes in leaps, for everything in this process that asks what time it is. */
export interface FastTime {
  /** For the instance: it answers as late in real time as it is told to. */
  readonly imdsClock: Clock
  /** Epoch milliseconds. */
  now(): number
  /** To be told of each request to IMDS. */
  noticeRequest(): void
  /** Whether somebody waits for an answer that IMDS delays. */
  readonly isImdsAnswering: boolean
  /** Whether nobody has asked IMDS for a moment: time may leap without a request being under way. */
  readonly isImdsQuiet: boolean
  leap(durationMs: number): Promise<void>
  release(): void
}

const QUIET_MS = 12

/**
 * Has the providers, the AWS SDK and whoever else calls `Date.now()` go by a clock that leaps. Timers and the network stay real, so
 * the figures in milliseconds are real ones.
 */
export function createFastTime(): FastTime {
  const clock = createTestClock().install()
  const { now } = Date
  Reflect.set(Date, 'now', () => clock.now())
  let waiting = 0
  let askedAt = Number.NEGATIVE_INFINITY
  const noticeRequest = () => (askedAt = performance.now())

  return {
    imdsClock: {
      now: () => clock.now(),
      sleep: async (delayMs, signal) => {
        waiting += 1
        await realSleep(delayMs, undefined, signal && { signal }).catch(() => {})
        waiting -= 1
        noticeRequest()
      },
    },
    now: () => clock.now(),
    noticeRequest,
    get isImdsAnswering() {
      return waiting > 0
    },
    get isImdsQuiet() {
      return performance.now() - askedAt > QUIET_MS
    },
    leap: (durationMs) => clock.advance(durationMs),
    release: () => {
      clock.release()
      Reflect.set(Date, 'now', now)
    },
  }
}
