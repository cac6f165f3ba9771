import { events } from './builtins.js'

/**
 * Settles with `work`, or rejects with the reason of `signal` as soon as that aborts. `work` is not waited for then: a mocked
 * request may not heed its signal.
 */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  allowManyListeners(signal)
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(toError(signal.reason))
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
  })
}

/** A thousand callers may wait with one signal, which Node takes for a leak. */
function allowManyListeners(signal: AbortSignal): void {
  try {
    events.setMaxListeners(0, signal)
  } catch {
    // Not a signal of Node's: nothing counts its listeners.
  }
}

/** @throws the reason of `signal` where it is aborted already */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw toError(signal.reason)
}

/** By its shape: a signal of another realm, as under Jest, is no `instanceof AbortSignal`. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false
  return 'aborted' in value && typeof value.aborted === 'boolean' && 'addEventListener' in value
}

function toError(reason: unknown): Error {
  return isError(reason) ? reason : new Error('aborted', { cause: reason })
}

/** By its shape: an error of another realm, as under Jest, is no `instanceof Error`. */
export function isError(value: unknown): value is Error {
  return (
    typeof value === 'object' &&
    value !== null &&
    'message' in value &&
    typeof value.message === 'string' &&
    'name' in value
  )
}
