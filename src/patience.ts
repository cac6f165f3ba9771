import pRetry from 'p-retry'
import { InstanceRoleError, treatmentOf } from './errors.js'
import type { Runtime } from './runtime.js'

/** How long failures that may pass are tried again, and the last of them. */
export interface Patience {
  readonly forMs: number
  readonly isWanted: () => boolean
  lastFailure?: unknown
}

/**
 * Tries again while patience lasts, and once more when it ends: a role can appear some time after the instance has booted.
 *
 * `pauseMs` tells how long to leave IMDS in peace; it begins anew whenever another who waits has tried.
 */
export function persist<T>(
  tryOnce: (isFirst: boolean) => Promise<T>,
  pauseMs: () => number,
  patience: Patience,
  { elapsed, sleep }: Pick<Runtime, 'elapsed' | 'sleep'>,
): Promise<T> {
  // As most do: a thousand callers at once need no retry loop each.
  if (patience.forMs === 0) return tryOnce(true)
  const until = elapsed() + patience.forMs
  let isLast = false
  return pRetry((attempt) => tryOnce(attempt === 1), {
    retries: Infinity,
    minTimeout: 0,
    shouldRetry: async ({ error }) => {
      patience.lastFailure = error
      // A try that ended after patience did was the last.
      if (isLast || !mayPass(error) || elapsed() >= until) return false
      for (
        let leftMs = until - elapsed();
        pauseMs() > 0 && leftMs > 0 && patience.isWanted();
        leftMs = until - elapsed()
      ) {
        await sleep(Math.min(pauseMs(), leftMs))
      }
      isLast = elapsed() >= until
      return patience.isWanted()
    },
  })
}

function mayPass(error: unknown): boolean {
  return error instanceof InstanceRoleError && treatmentOf(error.code).mayPass
}
