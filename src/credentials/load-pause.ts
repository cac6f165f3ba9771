import { equalJitterMs } from '../refresh/backoff.js'
import type { InstanceRoleError } from '../errors.js'
import type { Runtime } from '../runtime/runtime.js'

const BACKOFF = { baseMs: 250, capMs: 5_000 }
/** One failure may be over at once; after the second in a row, the next call does not ask IMDS before the pause is over. */
const REMEMBERED_FROM = 2

/** Failures in a row that left nothing to serve, and how long to leave IMDS in peace after each. */
export class LoadPause {
  readonly #runtime: Pick<Runtime, 'elapsed' | 'random'>
  #failures = 0
  #until = 0
  #lengthMs = 0
  #error: InstanceRoleError | undefined

  constructor(runtime: Pick<Runtime, 'elapsed' | 'random'>) {
    this.#runtime = runtime
  }

  /** What is left of the pause, in ms; the same for all who wait. Never longer than the pause itself, also where the clock goes back. */
  pauseMs(): number {
    return Math.min(this.#lengthMs, Math.max(0, this.#until - this.#runtime.elapsed()))
  }

  /** The failure that stands for another until the pause is over. */
  remembered(): InstanceRoleError | undefined {
    if (this.#failures < REMEMBERED_FROM || this.pauseMs() === 0) return undefined
    return this.#error
  }

  failed(error: InstanceRoleError | undefined): void {
    this.#error = error
    this.#lengthMs = equalJitterMs(this.#failures, BACKOFF, this.#runtime.random)
    this.#until = this.#runtime.elapsed() + this.#lengthMs
    this.#failures += 1
  }

  reset(): void {
    this.#failures = 0
    this.#until = 0
    this.#lengthMs = 0
    this.#error = undefined
  }
}
