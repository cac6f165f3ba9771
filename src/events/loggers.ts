import type { Logger } from '@smithy/types'

/** Options of a provider, or the configuration of the client that calls it. */
export interface LoggerOwner {
  readonly logger?: Logger | null | undefined
}

/** Returns the logger if it is an object. Its methods are not checked. */
export function loggerOf(owner: LoggerOwner | null | undefined): Logger | undefined {
  const logger = owner?.logger
  return typeof logger === 'object' && logger !== null ? logger : undefined
}

/** A logger may write asynchronously. */
interface Warnable {
  warn(text: string): unknown
}

const warned = new WeakMap<Warnable, Set<string>>()

/** Logs a warning about something that never changes while the process runs: once per logger, whichever provider finds it. */
export function warnOnce(logger: Warnable | undefined, warning: string): void {
  if (logger === undefined) return
  const told = warned.get(logger) ?? new Set<string>()
  warned.set(logger, told)
  if (told.has(warning)) return
  told.add(warning)
  try {
    Promise.resolve(logger.warn(`instance-role: ${warning}`)).catch(() => {})
  } catch {
    // A failing logger must not fail the call.
  }
}
