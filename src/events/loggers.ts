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

type Level = 'info' | 'warn' | 'error'

/** Writes a line. A logger that throws or rejects does not fail the call. */
export function writeLine(
  logger: Readonly<Record<Level, (text: string) => unknown>>,
  level: Level,
  text: string,
): void {
  try {
    Promise.resolve(logger[level](`instance-role: ${text}`)).catch(() => {})
  } catch {
    // The line is lost.
  }
}

const warned = new WeakMap<Logger, Set<string>>()

/** Logs a warning about something that never changes while the process runs: once per logger, whichever provider finds it. */
export function warnOnce(logger: Logger | undefined, warning: string): void {
  if (logger === undefined) return
  const written = warned.get(logger) ?? new Set<string>()
  warned.set(logger, written)
  if (written.has(warning)) return
  written.add(warning)
  writeLine(logger, 'warn', warning)
}
