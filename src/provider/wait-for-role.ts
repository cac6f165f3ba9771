import pRetry from 'p-retry'
import { InstanceRoleError, treatmentOf } from '../errors.js'
import type { Runtime } from '../runtime/runtime.js'

/** How long failures that may pass are tried again, and the last of them. */
export interface RoleWait {
  readonly forMs: number
  readonly isWanted: () => boolean
  lastFailure?: unknown
}

/**
 * Tries again for as long as is wanted, and once more at the end: a role can appear some time after the instance has booted.
 *
 * `pauseMs` tells how long to leave IMDS in peace; it begins anew whenever another who waits has tried.
 */
export function waitForRole<T>(
  tryOnce: (isFirst: boolean) => Promise<T>,
  pauseMs: () => number,
  wait: RoleWait,
  { elapsed, sleep }: Pick<Runtime, 'elapsed' | 'sleep'>,
): Promise<T> {
  // As most do: a thousand callers at once need no retry loop each.
  if (wait.forMs === 0) return tryOnce(true)
  const until = elapsed() + wait.forMs
  let isLast = false
  return pRetry((attempt) => tryOnce(attempt === 1), {
    retries: Infinity,
    minTimeout: 0,
    shouldRetry: async ({ error }) => {
      wait.lastFailure = error
      // A try that ended after the wait did was the last.
      if (isLast || !mayPass(error) || elapsed() >= until) return false
      while (pauseMs() > 0 && elapsed() < until && wait.isWanted()) {
        await sleep(Math.min(pauseMs(), until - elapsed()))
      }
      isLast = elapsed() >= until
      return wait.isWanted()
    },
  })
}

function mayPass(error: unknown): boolean {
  return error instanceof InstanceRoleError && treatmentOf(error.code).mayPass
}
