import { events } from './builtins.js'
import { isError, memberOf } from './member-of.js'

/**
 * Settles with `work`, or rejects with the reason of `signal` as soon as that aborts, without waiting for `work`: a mocked request
 * may ignore its signal.
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

/** Settles with `work`, or rejects with `late()` after `limitMs`. */
export function within<T>(
  limitMs: number,
  after: (delayMs: number, callback: () => void) => () => void,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = after(limitMs, () => reject(late()))
    work.then(resolve, reject).finally(cancel)
  })
}

/** A thousand callers may share one signal. Node would warn of a listener leak. */
function allowManyListeners(signal: AbortSignal): void {
  try {
    events.setMaxListeners(0, signal)
  } catch {
    // Not a signal of Node: nobody counts its listeners.
  }
}

/** @throws the reason of `signal` if it is aborted */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw toError(signal.reason)
}

/** Compare by shape: a signal from another realm (Jest) fails `instanceof AbortSignal`. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  return typeof memberOf(value, 'aborted') === 'boolean' && memberOf(value, 'addEventListener') !== undefined
}

function toError(reason: unknown): Error {
  return isError(reason) ? reason : new Error('aborted', { cause: reason })
}
