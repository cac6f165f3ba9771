import type { Logger } from '@smithy/types'

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

/** The part of the SDK's `Logger` that is used. A logger may write asynchronously. */
export type LineLogger = Readonly<Record<Line['level'], (text: string) => unknown>>

/** Writes the lines of one source to the loggers of its providers and of the caller. Repeats are counted per logger. */
export class SourceLog {
  /** The loggers of providers, and how many providers use each. */
  readonly #providers = new Map<Logger, number>()
  readonly #logs = new WeakMap<Logger, StateLog>()

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
      const log = this.#logs.get(logger) ?? new StateLog()
      this.#logs.set(logger, log)
      log.write(line, now, logger)
    }
  }
}

/** The lines of one logger: one per change of state, and reminders of a problem that lasts. */
export class StateLog {
  readonly #news: Readonly<Record<Line['topic'], News>> = { credentials: new News(), protocol: new News() }

  write(line: Line, now: number, logger: LineLogger): void {
    if (!this.#news[line.topic].isNews(line, now)) return
    try {
      Promise.resolve(logger[line.level](`instance-role: ${line.text}`)).catch(() => {})
    } catch {
      // A logger that throws or rejects must not fail the call.
    }
  }
}

class News {
  /** The last state that was logged, if it was not a problem. */
  #good: string | undefined
  /** When each problem was last logged, since all was well. */
  readonly #troubles = new Map<string, number>()

  isNews({ state, level }: Line, now: number): boolean {
    if (level !== 'info') return this.#isNewTrouble(state, now)
    const isNew = this.#good !== state
    this.#good = state
    this.#troubles.clear()
    return isNew
  }

  #isNewTrouble(state: string, now: number): boolean {
    const toldAt = this.#troubles.get(state)
    if (toldAt !== undefined && Math.abs(now - toldAt) < REMINDER_MS) return false
    this.#good = undefined
    this.#troubles.set(state, now)
    return true
  }
}
