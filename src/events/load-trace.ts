import { InstanceRoleError } from '../errors.js'
import { publish } from './events.js'

let lastLoadId = 0

/** Publishes what happens during one load on the load channels. */
export class LoadTrace {
  readonly #elapsed: () => number
  readonly #loadId = (lastLoadId += 1)
  readonly #startedAt: number
  #attemptAt: number
  #attempts = 0
  #isOver = false

  constructor(endpoint: string, elapsed: () => number) {
    this.#elapsed = elapsed
    this.#startedAt = this.#attemptAt = elapsed()
    publish({ 'instance-role:load:start': { loadId: this.#loadId, endpoint } })
  }

  /** A try has begun. */
  attempt(): void {
    this.#attempts += 1
    this.#attemptAt = this.#elapsed()
  }

  /** The current try has ended. */
  attemptEnded(error?: unknown): void {
    // A load that reached its deadline does not wait for the current try.
    if (this.#isOver) return
    const failure = error instanceof InstanceRoleError ? failureOf(error) : {}
    const durationMs = this.#elapsed() - this.#attemptAt
    const payload = { loadId: this.#loadId, attempt: this.#attempts, durationMs, ...failure }
    publish({ 'instance-role:load:attempt': payload })
  }

  ended(roleName: string, expiration: Date): void {
    const payload = { ...this.#summary(), roleName, expiration: expiration.toISOString() }
    publish({ 'instance-role:load:end': payload })
  }

  failed(error: unknown): void {
    this.#isOver = true
    if (!(error instanceof InstanceRoleError)) return
    publish({ 'instance-role:load:error': { ...this.#summary(), ...failureOf(error) } })
  }

  #summary(): { loadId: number; durationMs: number; attempts: number } {
    return { loadId: this.#loadId, durationMs: this.#elapsed() - this.#startedAt, attempts: this.#attempts }
  }
}

function failureOf({
  code,
  step,
}: InstanceRoleError): Pick<InstanceRoleError, 'step'> & { errorCode: InstanceRoleError['code'] } {
  return step === undefined ? { errorCode: code } : { errorCode: code, step }
}
