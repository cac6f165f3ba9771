import type { Logger } from '@smithy/types'
import { writeLine } from '../events/loggers.js'

/** A problem that lasts is logged again after this time. */
const REMINDER_MS = 600_000

/** The most loggers of a source. A program can drop providers without closing them. */
const MOST_LOGGERS = 100

export interface Line {
  /** Lines of one topic describe states that follow each other. */
  readonly topic: 'credentials' | 'protocol'
  /** Lines with the same state are repeats of each other. */
  readonly state: string
  /** `info` means that all is well; the others report a problem. */
  readonly level: 'info' | 'warn' | 'error'
  readonly text: string
}

/** Writes the lines of one source to the loggers of its providers and of the caller. Repeats are counted per logger. */
export class SourceLog {
  /** The loggers of providers, and how many providers use each. */
  readonly #providers = new Map<Logger, number>()
  readonly #written = new WeakMap<Logger, Record<Line['topic'], WrittenLines>>()

  /** Called once per provider. Beyond the limit, a logger receives lines about its own provider's calls only. */
  add(logger: Logger): void {
    const users = this.#providers.get(logger)
    if (users === undefined && this.#providers.size >= MOST_LOGGERS) return
    this.#providers.set(logger, (users ?? 0) + 1)
  }

  /** Removes the logger when its last provider is closed. */
  remove(logger: Logger): void {
    const users = this.#providers.get(logger) ?? 0
    if (users > 1) this.#providers.set(logger, users - 1)
    else this.#providers.delete(logger)
  }

  write(line: Line, now: number, caller: Logger | undefined): void {
    const loggers = new Set(this.#providers.keys())
    if (caller !== undefined) loggers.add(caller)
    for (const logger of loggers) {
      const written = this.#written.get(logger) ?? {
        credentials: new WrittenLines(),
        protocol: new WrittenLines(),
      }
      this.#written.set(logger, written)
      if (written[line.topic].isNew(line, now)) writeLine(logger, line.level, line.text)
    }
  }
}

/** What one logger has received about one topic: one line per change of state, and reminders of a problem that lasts. */
class WrittenLines {
  /** The last state that was logged, if it was not a problem. */
  #good: string | undefined
  /** When each problem was last logged, since all was well. */
  readonly #problems = new Map<string, number>()

  isNew({ state, level }: Line, now: number): boolean {
    if (level !== 'info') return this.#isNewProblem(state, now)
    const isNew = this.#good !== state
    this.#good = state
    this.#problems.clear()
    return isNew
  }

  #isNewProblem(state: string, now: number): boolean {
    const loggedAt = this.#problems.get(state)
    if (loggedAt !== undefined && Math.abs(now - loggedAt) < REMINDER_MS) return false
    this.#good = undefined
    this.#problems.set(state, now)
    return true
  }
}
