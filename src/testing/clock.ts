import { findProviderState } from './provider-state.js'

/** The time that an emulated instance goes by. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Resolves `delayMs` from now, or when the signal is aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
  /** Lets time pass until the signal is aborted, as far as it is in the clock's hands. */
  passUntil?(signal: AbortSignal): Promise<void>
}

// Looked up at each call: fake timers replace them after import.
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

/** Lets the process end in spite of the timer; in jsdom, a timer is a number. */
function unref(timer: NodeJS.Timeout | number): void {
  if (typeof timer === 'object') timer.unref()
}

/** The installed test clock while there is one, the system's time otherwise. */
export const ambientClock: Clock = {
  now: () => currentClock().now(),
  sleep: (delayMs, signal) => currentClock().sleep(delayMs, signal),
  passUntil: async (signal) => currentClock().passUntil?.(signal),
}

function currentClock(): Clock {
  return findProviderState()?.clock ?? systemClock
}
