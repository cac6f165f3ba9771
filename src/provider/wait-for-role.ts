import { InstanceRoleError, treatmentOf } from '../errors.js'
import { within } from '../runtime/abort.js'
import type { Runtime } from '../runtime/runtime.js'

/** How long a call keeps trying. */
export interface RoleWait {
  /** For how long failures that may pass are retried. */
  readonly forMs: number
  /** Whether the current try ends when the time is up. */
  readonly isFirm: boolean
  /** Whether somebody still waits. */
  readonly isWanted: () => boolean
  /** How long to wait before the next try. Starts again whenever any waiting call has tried. */
  readonly pauseMs: () => number
}

/**
 * Retries until the time is up, then once more unless the time is firm: a role can appear some time after the instance has booted.
 *
 * @throws the last failure; {@link InstanceRoleError} `TIMEOUT` if the time is up during the first try
 */
export async function waitForRole<T>(
  tryOnce: (isFirst: boolean) => Promise<T>,
  wait: RoleWait,
  { after, elapsed, sleep }: Pick<Runtime, 'after' | 'elapsed' | 'sleep'>,
): Promise<T> {
  const until = elapsed() + wait.forMs
  const leftMs = (): number => until - elapsed()
  let failure: InstanceRoleError | undefined
  for (let isFirst = true; ; isFirst = false) {
    try {
      const work = tryOnce(isFirst)
      return await (wait.isFirm ? within(leftMs(), after, work, () => failure ?? notReady(wait.forMs)) : work)
    } catch (error) {
      if (!mayPass(error) || !(await pause(wait, leftMs, sleep))) throw error
      failure = error
    }
  }
}

/** Waits before the next try. Returns whether there is one. */
async function pause(
  { isFirm, isWanted, pauseMs }: RoleWait,
  leftMs: () => number,
  sleep: Runtime['sleep'],
): Promise<boolean> {
  // A try that ended after the time was up was the last one.
  if (leftMs() <= 0) return false
  while (pauseMs() > 0 && leftMs() > 0 && isWanted()) await sleep(Math.min(pauseMs(), leftMs()))
  return isWanted() && (!isFirm || leftMs() > 0)
}

function mayPass(error: unknown): error is InstanceRoleError {
  return error instanceof InstanceRoleError && treatmentOf(error.code).mayPass
}

function notReady(timeoutMs: number): InstanceRoleError {
  return new InstanceRoleError('TIMEOUT', `There were no credentials within ${timeoutMs} ms.`, {
    timedOut: true,
  })
}
