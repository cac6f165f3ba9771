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

interface Known {
  readonly ref: WeakRef<Logger>
  users: number
}

/** The loggers of those who use a source. A provider that is dropped without being closed takes its logger with it. */
export class Loggers {
  readonly #known = new WeakMap<Logger, Known>()
  readonly #refs = new Set<WeakRef<Logger>>()
  readonly #dropped = new FinalizationRegistry<WeakRef<Logger>>((ref) => void this.#refs.delete(ref))

  /** Once for each user. */
  add(logger: Logger): void {
    const known = this.#known.get(logger) ?? this.#meet(logger)
    known.users += 1
  }

  /** Gone with the last of its users. */
  remove(logger: Logger): void {
    const known = this.#known.get(logger)
    if (known === undefined) return
    known.users -= 1
    if (known.users > 0) return
    this.#known.delete(logger)
    this.#refs.delete(known.ref)
  }

  /** Each once, however many users it has, and that of the `caller`. */
  with(caller: Logger | undefined): ReadonlySet<Logger> {
    const all = new Set([...this.#refs].flatMap((ref) => ref.deref() ?? []))
    return caller === undefined ? all : all.add(caller)
  }

  #meet(logger: Logger): Known {
    const known = { ref: new WeakRef(logger), users: 0 }
    this.#known.set(logger, known)
    this.#refs.add(known.ref)
    this.#dropped.register(logger, known.ref)
    return known
  }
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
