import type { Logger } from '@smithy/types'

/** The configuration of a provider, or of the client that calls it. */
export interface LoggerOwner {
  readonly logger?: Logger | null | undefined
}

/** A caller whose logger is no object is not the worse for it; the methods are not looked at. */
export function loggerOf(owner: LoggerOwner | null | undefined): Logger | undefined {
  const logger = owner?.logger
  return typeof logger === 'object' && logger !== null ? logger : undefined
}

/** A logger can well write later than it is told. */
interface Warnable {
  warn(text: string): unknown
}

const warned = new WeakMap<Warnable, Set<string>>()

/** Warns of what does not change while a process runs: each logger once, however many providers find it. */
export function warnOnce(logger: Warnable | undefined, warning: string): void {
  if (logger === undefined) return
  const told = warned.get(logger) ?? new Set<string>()
  warned.set(logger, told)
  if (told.has(warning)) return
  told.add(warning)
  try {
    Promise.resolve(logger.warn(`instance-role: ${warning}`)).catch(() => {})
  } catch {
    // A logger that fails must not cost anybody the credentials.
  }
}
