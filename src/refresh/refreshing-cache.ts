import type { Verdict } from './refresh-schedule.js'

/** All that depends on time, on IMDS or on who listens. The cache itself only holds a value and runs one load at a time. */
export interface RefreshPolicy<Value, Held, Context> {
  load(context: Context): Promise<Value>
  judge(held: Held | undefined): Verdict
  isServable(held: Held): boolean
  afterSuccess(held: Held | undefined, value: Value): Held
  afterFailure(held: Held, error: unknown): Held
  /** Called after each load whose result is cached. */
  observe(change: Change<Held>, context: Context): void
}

/** The cached value before and after a load. */
export interface Change<Held> {
  readonly before: Held | undefined
  readonly after: Held | undefined
  /** Why the load failed, if it did. */
  readonly error?: unknown
}

/**
 * Caches the last loaded value. At most one load runs at a time, however many callers ask.
 *
 * `Context` is passed to the load that a call starts. It is ignored if the call joins a running load.
 */
export class RefreshingCache<Value, Held, Context> {
  readonly #policy: RefreshPolicy<Value, Held, Context>
  #held: Held | undefined
  #flight: Promise<Held> | undefined

  constructor(policy: RefreshPolicy<Value, Held, Context>) {
    this.#policy = policy
  }

  /** The cached value, whatever its age. */
  get held(): Held | undefined {
    return this.#held
  }

  /** Returns the cached value if it is usable now, otherwise `undefined`. Starts a refresh behind the call if one is due. */
  serve(context: Context): Held | undefined {
    const held = this.#held
    const verdict = this.#policy.judge(held)
    if (held === undefined || verdict === 'refresh-first') return undefined
    // The failure of a refresh behind a call is ignored here: the next call that has to wait meets it.
    if (verdict === 'use-and-refresh') this.#fly(context).catch(() => {})
    return held
  }

  /** Returns the cached value if it is usable now, otherwise waits for a load. */
  async get(context: Context): Promise<Held> {
    return this.serve(context) ?? this.refresh(context)
  }

  /** Waits for a load. If it fails, returns the cached value while that may be served. */
  async refresh(context: Context): Promise<Held> {
    try {
      return await this.#fly(context)
    } catch (error) {
      const held = this.#held
      if (held !== undefined && this.#policy.isServable(held)) return held
      throw error
    }
  }

  /** Replaces the cached value, if there is one. */
  amend(change: (held: Held) => Held): void {
    if (this.#held !== undefined) this.#held = change(this.#held)
  }

  /** Empties the cache. A running load still answers its callers, but its result is not cached. */
  reset(): void {
    this.#held = undefined
    this.#flight = undefined
  }

  #fly(context: Context): Promise<Held> {
    if (this.#flight !== undefined) return this.#flight
    let settle: (loading: Promise<Value>) => void = () => {}
    const loaded = new Promise<Value>((resolve) => (settle = resolve))
    const flight: Promise<Held> = loaded.then(
      (value) => {
        const before = this.#held
        const after = this.#policy.afterSuccess(before, value)
        if (this.#land(flight, after)) this.#policy.observe({ before, after }, context)
        return after
      },
      (error: unknown) => {
        const before = this.#held
        const after = before && this.#policy.afterFailure(before, error)
        if (this.#land(flight, after)) this.#policy.observe({ before, after, error }, context)
        throw error
      },
    )
    // The load starts after `#flight` is set: a callback of the load may call again, and must join it.
    this.#flight = flight
    settle(this.#policy.load(context))
    return flight
  }

  /** Caches the result unless `reset()` was called since the load started. Returns whether it was cached. */
  #land(flight: Promise<Held>, held: Held | undefined): boolean {
    if (this.#flight !== flight) return false
    this.#flight = undefined
    this.#held = held
    return true
  }
}
