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
  #failedAt = 0
  #lengthMs = 0
  #error: InstanceRoleError | undefined

  constructor(runtime: Pick<Runtime, 'elapsed' | 'random'>) {
    this.#runtime = runtime
  }

  /** What is left of the pause, in ms; the same for all who wait. A clock that went back behind the failure ends it. */
  pauseMs(): number {
    const sinceMs = this.#runtime.elapsed() - this.#failedAt
    if (sinceMs < 0) this.#lengthMs = 0
    return Math.max(0, this.#lengthMs - Math.abs(sinceMs))
  }

  /** The failure that stands for another until the pause is over. */
  remembered(): InstanceRoleError | undefined {
    if (this.#failures < REMEMBERED_FROM || this.pauseMs() === 0) return undefined
    return this.#error
  }

  failed(error: InstanceRoleError | undefined): void {
    this.#error = error
    this.#lengthMs = equalJitterMs(this.#failures, BACKOFF, this.#runtime.random)
    this.#failedAt = this.#runtime.elapsed()
    this.#failures += 1
  }

  reset(): void {
    this.#failures = 0
    this.#lengthMs = 0
    this.#error = undefined
  }
}
