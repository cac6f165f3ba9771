import { InstanceRoleError, treatmentOf } from '../errors.js'
import type { Runtime } from '../runtime/runtime.js'

/** How long a call keeps trying. */
export interface RoleWait {
  /** Failures that may pass are tried again for so long. */
  readonly forMs: number
  /** Whether time that is up ends the try under way as well. */
  readonly isFirm: boolean
  /** Whether anybody still waits. */
  readonly isWanted: () => boolean
  /** How long to leave IMDS in peace; it begins anew whenever another who waits has tried. */
  readonly pauseMs: () => number
}

/**
 * Tries again until time is up, and where that is not firm once more then: a role can appear some time after the instance has booted.
 *
 * @throws the last failure; {@link InstanceRoleError} `TIMEOUT` where time is up during the first try
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
      return await (wait.isFirm ? within(leftMs(), after, work, failure ?? notReady(wait.forMs)) : work)
    } catch (error) {
      if (!mayPass(error) || !(await pause(wait, leftMs, sleep))) throw error
      failure = error
    }
  }
}

/** Leaves IMDS in peace; gives whether there is to be another try. */
async function pause(
  { isFirm, isWanted, pauseMs }: RoleWait,
  leftMs: () => number,
  sleep: Runtime['sleep'],
): Promise<boolean> {
  // A try that ended after time was up was the last.
  if (leftMs() <= 0) return false
  while (pauseMs() > 0 && leftMs() > 0 && isWanted()) await sleep(Math.min(pauseMs(), leftMs()))
  return isWanted() && (!isFirm || leftMs() > 0)
}

/** Settles with `work`, or rejects with `late` once `limitMs` have passed. */
function within<T>(limitMs: number, after: Runtime['after'], work: Promise<T>, late: Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = after(limitMs, () => reject(late))
    work.then(resolve, reject).finally(cancel)
  })
}

function mayPass(error: unknown): error is InstanceRoleError {
  return error instanceof InstanceRoleError && treatmentOf(error.code).mayPass
}

function notReady(timeoutMs: number): InstanceRoleError {
  return new InstanceRoleError('TIMEOUT', `There were no credentials within ${timeoutMs} ms.`, {
    timedOut: true,
  })
}
