import { equalJitterMs } from '../refresh/backoff.js'
import type { InstanceRoleError } from '../errors.js'
import type { Runtime } from '../runtime/runtime.js'

const BACKOFF = { baseMs: 250, capMs: 5_000 }
/** A single failure may be over at once. From the second one in a row on, calls do not ask IMDS until the pause is over. */
const REMEMBERED_FROM = 2

/** Consecutive failures that left no credentials to serve, and the pause after each. */
export class LoadPause {
  readonly #runtime: Pick<Runtime, 'elapsed' | 'random'>
  #failures = 0
  #failedAt = 0
  #lengthMs = 0
  #error: InstanceRoleError | undefined

  constructor(runtime: Pick<Runtime, 'elapsed' | 'random'>) {
    this.#runtime = runtime
  }

  /** Time left of the pause, in ms, the same for all callers. If the clock is set back to before the failure, the pause ends. */
  pauseMs(): number {
    const sinceMs = this.#runtime.elapsed() - this.#failedAt
    if (sinceMs < 0) this.#lengthMs = 0
    return Math.max(0, this.#lengthMs - Math.abs(sinceMs))
  }

  /** The last failure, which calls throw until the pause is over. */
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
