import { setTimeout as realSleep } from 'node:timers/promises'
import { type Clock, createTestClock } from 'instance-role/testing'

/** A clock that jumps, for everything in this process that reads the time. */
export interface FastTime {
  /** For the instance: its delays take real time. */
  readonly imdsClock: Clock
  /** Epoch milliseconds. */
  now(): number
  /** Called for each request to IMDS. */
  noticeRequest(): void
  /** Whether somebody waits for a delayed response of IMDS. */
  readonly isImdsAnswering: boolean
  /** Whether IMDS had no request for a moment, so that no request is running when the time jumps. */
  readonly isImdsQuiet: boolean
  leap(durationMs: number): Promise<void>
  release(): void
}

const QUIET_MS = 12

/**
 * Makes the providers, the AWS SDK and all other users of `Date.now()` use a clock that jumps. Timers and the network stay real, so
 * the figures in milliseconds are real.
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
