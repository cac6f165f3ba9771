import { InstanceRoleError } from '../errors.js'
import { type FailureEvent, failureEvent, type EndedLoadEvent, publish } from './events.js'

let lastLoadId = 0

/** Publishes what happens during one load on the load channels. */
export class LoadTrace {
  readonly #elapsed: () => number
  readonly #loadId = (lastLoadId += 1)
  readonly #startedAt: number
  #attempts = 0
  #isOver = false

  constructor(endpoint: string, elapsed: () => number) {
    this.#elapsed = elapsed
    this.#startedAt = elapsed()
    publish({ 'instance-role:load:start': { loadId: this.#loadId, endpoint } })
  }

  /** Runs one try of the load. */
  async attempt<T>(tryOnce: () => Promise<T>): Promise<T> {
    const attempt = (this.#attempts += 1)
    const startedAt = this.#elapsed()
    const ended = (failure?: FailureEvent): void => {
      // A load that reached its deadline does not wait for the current try.
      if (this.#isOver) return
      const durationMs = this.#elapsed() - startedAt
      publish({ 'instance-role:load:attempt': { loadId: this.#loadId, attempt, durationMs, ...failure } })
    }
    try {
      const result = await tryOnce()
      ended()
      return result
    } catch (error) {
      ended(error instanceof InstanceRoleError ? failureEvent(error) : undefined)
      throw error
    }
  }

  ended(roleName: string, expiration: Date): void {
    const payload = { ...this.#summary(), roleName, expiration: expiration.toISOString() }
    publish({ 'instance-role:load:end': payload })
  }

  failed(error: unknown): void {
    this.#isOver = true
    if (!(error instanceof InstanceRoleError)) return
    publish({ 'instance-role:load:error': { ...this.#summary(), ...failureEvent(error) } })
  }

  #summary(): EndedLoadEvent {
    return { loadId: this.#loadId, durationMs: this.#elapsed() - this.#startedAt, attempts: this.#attempts }
  }
}
