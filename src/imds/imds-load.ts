import pRetry from 'p-retry'
import { throwIfAborted, unlessAborted } from '../runtime/abort.js'
import { copyOf, InstanceRoleError, type LoadStep } from '../errors.js'
import { isByDefault } from '../config/config.js'
import type { ImdsLoadOptions } from './imds-access.js'
import { ImdsReader } from './imds-reader.js'
import { startTimeLimit, tellBlocked } from './time-limit.js'
import { count, retryDelayMs, type RetryLimits, Tally } from './retry-policy.js'

/**
 * One load: runs `tryOnce` under one deadline, and retries it as a whole. The results of successful steps are cached elsewhere
 * (metadata token, role name), so each try resumes at the step that failed.
 *
 * @throws {InstanceRoleError} with `attempts`, or the reason of `signal`
 */
export async function runLoad<T>(
  options: ImdsLoadOptions,
  tryOnce: (imds: ImdsReader) => Promise<T>,
): Promise<T> {
  const { runtime, deadlineMs, signal } = options
  const tally = new Tally()
  const end = new AbortController()
  const passOn = (): void => end.abort(signal.reason)
  if (signal.aborted) passOn()
  signal.addEventListener('abort', passOn, { once: true })
  const cancelLimit = startTimeLimit(runtime, deadlineMs, (blockedMs) =>
    end.abort(overdue(tally, options, blockedMs)),
  )
  try {
    const onRequest = (step: LoadStep): void => options.onRequest((tally.step = step))
    const within = { ...options, onRequest, signal: end.signal }
    const imds = new ImdsReader(within)
    const tries = retryTries(() => tryOnce(imds), tally, within)
    return await unlessAborted(end.signal, tries)
  } catch (error) {
    const { lastFailure, attempts } = tally
    const isLast = lastFailure !== undefined && error === lastFailure
    throw isLast ? copyOf(lastFailure, { attempts, names: options.names() }) : error
  } finally {
    cancelLimit()
    signal.removeEventListener('abort', passOn)
    // Ends the current try, if nobody waits for it any more.
    end.abort()
  }
}

/**
 * If the endpoint never gave a metadata token, the process may not run on EC2. A credential chain should not wait longer for an
 * outage to end.
 */
const UNKNOWN_ENDPOINT_MS = 3_000

/**
 * p-retry runs the tries. The delay and the deadline are computed here, because a test may own the clock, and so is the number of
 * retries, because progress resets it.
 */
async function retryTries<T>(tryOnce: () => Promise<T>, tally: Tally, options: ImdsLoadOptions): Promise<T> {
  const { runtime, signal } = options
  const startedAt = runtime.elapsed()
  let delayMs: number | undefined = 0
  const tryLater = async (): Promise<T> => {
    if (delayMs !== undefined && delayMs > 0) await runtime.sleep(delayMs)
    throwIfAborted(signal)
    tally.attempts += 1
    return tryOnce()
  }
  const onFailedAttempt = ({ error }: { readonly error: Error }): void => {
    delayMs = undefined
    if (signal.aborted || !(error instanceof InstanceRoleError)) return
    count(tally, error)
    const limits = limitsAt(runtime.elapsed() - startedAt, options)
    delayMs = retryDelayMs(error, tally, limits, runtime.random)
  }
  const shouldRetry = (): boolean => delayMs !== undefined
  // Not given the signal: p-retry needs its `throwIfAborted`, which Jest 29's jsdom lacks.
  return pRetry(tryLater, { retries: Infinity, minTimeout: 0, onFailedAttempt, shouldRetry })
}

function limitsAt(sinceStartMs: number, options: ImdsLoadOptions): RetryLimits {
  const { isColdStart, retries, config, deadlineMs, endpoints, tokenOf } = options
  const remainingMs = deadlineMs - sinceStartMs
  if (!isColdStart || !isByDefault(config.retries)) return { retries, uncountedMs: 0, remainingMs }
  const limitMs = tokenOf(endpoints.preferred).hasGiven
    ? deadlineMs
    : Math.min(deadlineMs, UNKNOWN_ENDPOINT_MS)
  return { retries, uncountedMs: Math.max(0, limitMs - sinceStartMs), remainingMs }
}

/** If a try failed before the deadline, its error says more than "time is up". */
function overdue(
  { lastFailure, attempts, step }: Tally,
  { deadlineMs, endpoints, names: namesOf }: ImdsLoadOptions,
  blockedMs: number,
): InstanceRoleError {
  const names = namesOf()
  if (lastFailure !== undefined) return copyOf(lastFailure, { attempts, names })
  const message = `IMDS at ${endpoints.preferred} gave nothing within the deadline of ${deadlineMs} ms${tellBlocked(blockedMs)}.`
  return new InstanceRoleError('TIMEOUT', message, { step, timedOut: true, attempts, names })
}
