import pRetry from 'p-retry'
import { unlessAborted } from './abort.js'
import { copyOf, InstanceRoleError, type LoadStep } from './errors.js'
import type { ImdsAccess } from './imds-access.js'
import { ImdsReader } from './imds/imds-reader.js'
import type { Exchange, Outcome } from './imds/transport.js'
import { startTimeLimit, tellBlocked } from './imds/time-limit.js'
import { count, newTally, retryDelayMs, type Tally } from './retry-policy.js'

export interface ImdsLoadOptions extends ImdsAccess {
  /** Ends the load early; its reason is what the load rejects with. */
  readonly signal: AbortSignal
  readonly onRequest: (step: LoadStep) => void
  readonly onV1: () => void
  /** Told of each answer's `Date` header. */
  readonly onDate: (date: string | undefined) => void
}

/**
 * One load: `tryOnce` under one deadline, retried as a whole. What has succeeded is kept by those who did it (metadata token,
 * role name), so that each try resumes at the step that failed.
 *
 * @throws {InstanceRoleError} with `attempts`, or the reason of `signal`
 */
export async function runLoad<T>(
  options: ImdsLoadOptions,
  tryOnce: (imds: ImdsReader) => Promise<T>,
): Promise<T> {
  const { runtime, deadlineMs, signal } = options
  const tally = newTally()
  const end = new AbortController()
  const passOn = (): void => end.abort(signal.reason)
  if (signal.aborted) passOn()
  signal.addEventListener('abort', passOn, { once: true })
  const cancelLimit = startTimeLimit(runtime, deadlineMs, (blockedMs) =>
    end.abort(overdue(tally, deadlineMs, blockedMs)),
  )
  try {
    const onRequest = (step: LoadStep): void => options.onRequest((tally.step = step))
    const send = (exchange: Exchange): Promise<Outcome> => options.transport.send(exchange, end.signal)
    const imds = new ImdsReader({ ...options, onRequest, send })
    const tries = retryTries(() => tryOnce(imds), tally, { ...options, signal: end.signal })
    return await unlessAborted(end.signal, tries)
  } finally {
    cancelLimit()
    signal.removeEventListener('abort', passOn)
    // Ends what is still under way: a try that nobody waits for.
    end.abort()
  }
}

type RetryOptions = Pick<ImdsLoadOptions, 'retries' | 'deadlineMs' | 'runtime' | 'signal'>

function retryTries<T>(tryOnce: () => Promise<T>, tally: Tally, options: RetryOptions): Promise<T> {
  const { runtime, retries, deadlineMs, signal } = options
  const deadlineAt = runtime.elapsed() + deadlineMs
  const begin = (): Promise<T> => {
    tally.attempts += 1
    return tryOnce()
  }
  return pRetry(begin, {
    retries: Infinity,
    // Its own delay has its jitter before its cap, and knows neither Retry-After nor a test's clock.
    minTimeout: 0,
    shouldRetry: async ({ error }) => {
      if (hasEnded(signal) || !(error instanceof InstanceRoleError)) return false
      // Not ours: the load that was taking the metadata token for both of us was ended.
      if (error.code === 'CLOSED') return true
      count(tally, error)
      const limits = { retries, remainingMs: deadlineAt - runtime.elapsed() }
      const delayMs = retryDelayMs(error, tally, limits, runtime.random)
      if (delayMs === undefined) throw copyOf(error, tally.attempts)
      if (delayMs > 0) await runtime.sleep(delayMs)
      return !hasEnded(signal)
    },
  })
}

/** Asked anew after each wait. */
function hasEnded(signal: AbortSignal): boolean {
  return signal.aborted
}

/** What failed last says more than that time is up. */
function overdue(
  { lastFailure, attempts, step }: Tally,
  deadlineMs: number,
  blockedMs: number,
): InstanceRoleError {
  if (lastFailure !== undefined) return copyOf(lastFailure, attempts)
  const message = `IMDS gave nothing within the deadline of ${deadlineMs} ms${tellBlocked(blockedMs)}.`
  return new InstanceRoleError('TIMEOUT', message, { step, timedOut: true, attempts })
}
