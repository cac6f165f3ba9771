const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** How a command that serves is stopped. */
export interface Stop {
  readonly promise: Promise<void>
  /** Aborted at the same time. */
  readonly signal: AbortSignal
}

/** Resolves, and aborts the signal, at the first SIGINT or SIGTERM. The second one ends the process as usual. */
export function untilStopped(): Stop {
  const stopping = new AbortController()
  const promise = new Promise<void>((resolve) => {
    const stop = (): void => {
      for (const signal of STOP_SIGNALS) process.off(signal, stop)
      stopWatching()
      stopping.abort()
      resolve()
    }
    for (const signal of STOP_SIGNALS) process.on(signal, stop)
    const stopWatching = watchNpm(stop)
  })
  return { promise, signal: stopping.signal }
}

const LOOK_EVERY_MS = 250

/**
 * Calls back when npm, which started this process with a shell, has ended: `kill` ends npx and its shell, and neither tells their
 * children. On Windows, a process keeps the ID of a parent that has ended.
 */
function watchNpm(callback: () => void): () => void {
  if (process.env['npm_command'] === undefined) return () => {}
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid !== parent) callback()
  }, LOOK_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}
