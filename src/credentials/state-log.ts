import type { Logger } from '@smithy/types'

/** A trouble that lasts is told again after this long. */
const REMINDER_MS = 600_000

/** A source keeps no more loggers than this, because a provider can be dropped without being closed. */
const MOST_LOGGERS = 100

export interface Line {
  /** Lines of one topic tell states that follow each other. */
  readonly topic: 'credentials' | 'protocol'
  /** Lines with the same state tell the same. */
  readonly state: string
  /** `info`: all is well; the others tell of a trouble. */
  readonly level: 'info' | 'warn' | 'error'
  readonly text: string
}

/** The part of the SDK's `Logger` in use here; a logger can well write later than it is told. */
export type LineLogger = Readonly<Record<Line['level'], (text: string) => unknown>>

/** The log of one source: to the loggers of its providers, and to that of a caller. Each logger is told by itself. */
export class SourceLog {
  /** Of providers, and how many have each. */
  readonly #providers = new Map<Logger, number>()
  readonly #logs = new WeakMap<Logger, StateLog>()

  /** Once for each provider. Beyond the limit, a logger hears of its provider's own calls only. */
  add(logger: Logger): void {
    const users = this.#providers.get(logger)
    if (users === undefined && this.#providers.size >= MOST_LOGGERS) return
    this.#providers.set(logger, (users ?? 0) + 1)
  }

  /** Gone with the last of its providers. */
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

/** What one logger is told: one line for each change of state, and a reminder of a trouble that lasts. */
export class StateLog {
  readonly #news: Readonly<Record<Line['topic'], News>> = { credentials: new News(), protocol: new News() }

  write(line: Line, now: number, logger: LineLogger): void {
    if (!this.#news[line.topic].isNews(line, now)) return
    try {
      Promise.resolve(logger[line.level](`instance-role: ${line.text}`)).catch(() => {})
    } catch {
      // A logger that fails, at once or later, must not cost anybody the credentials.
    }
  }
}

class News {
  /** What was told last, where that was no trouble. */
  #good: string | undefined
  /** When each was told last, since all was well. */
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
