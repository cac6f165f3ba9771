import { findProviderState } from './provider-state.js'

/** The clock of an emulated instance. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Resolves after `delayMs`, or when the signal is aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
  /** Only on a clock that a test controls: lets time pass until the signal is aborted. */
  passUntil?(signal: AbortSignal): Promise<void>
}

// Looked up at each call, because fake timers replace them after import.
const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (delayMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) {
        resolve()
        return
      }
      const wake = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, delayMs)
      unref(timer)
      signal?.addEventListener('abort', wake)
    }),
}

/** Lets the process end although the timer is running. In jsdom, a timer is a number. */
function unref(timer: NodeJS.Timeout | number): void {
  if (typeof timer === 'object') timer.unref()
}

/** The installed test clock if there is one, otherwise the system's clock. */
export const ambientClock: Clock = {
  now: () => currentClock().now(),
  sleep: (delayMs, signal) => currentClock().sleep(delayMs, signal),
  passUntil: async (signal) => currentClock().passUntil?.(signal),
}

function currentClock(): Clock {
  return findProviderState()?.clock ?? systemClock
}
