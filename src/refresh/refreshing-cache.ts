import type { Verdict } from './refresh-schedule.js'

/** What a cache asks before and after each load; pure, so that the cache computes no time itself. */
export interface RefreshPolicy<Value, Held> {
  judge(held: Held | undefined): Verdict
  isServable(held: Held): boolean
  afterSuccess(held: Held | undefined, value: Value): Held
  afterFailure(held: Held, error: unknown): Held
}

/** What a load did to what is held. */
export interface Change<Held> {
  readonly before: Held | undefined
  readonly after: Held | undefined
  /** Why the load failed, where it did. */
  readonly error?: unknown
}

/**
 * Holds the last good value and makes at most one load at a time, whoever asks and however often.
 *
 * `Context` goes to the load that a call starts; calls that join a load under way have no say in it.
 */
export class RefreshingCache<Value, Held, Context> {
  readonly #load: (context: Context) => Promise<Value>
  readonly #policy: RefreshPolicy<Value, Held>
  readonly #observe: (change: Change<Held>, context: Context) => void
  #held: Held | undefined
  #flight: Promise<Held> | undefined

  constructor(
    load: (context: Context) => Promise<Value>,
    policy: RefreshPolicy<Value, Held>,
    observe: (change: Change<Held>, context: Context) => void = () => {},
  ) {
    this.#load = load
    this.#policy = policy
    this.#observe = observe
  }

  /** What is held now, whatever its age. */
  get held(): Held | undefined {
    return this.#held
  }

  /** What is held, where it serves without waiting; a refresh that is due starts behind the caller's back. */
  serve(context: Context): Held | undefined {
    const held = this.#held
    const verdict = this.#policy.judge(held)
    if (held === undefined || verdict === 'refresh-first') return undefined
    // If a failure behind the caller's back matters, the next caller who has to wait meets it.
    if (verdict === 'use-and-refresh') this.#fly(context).catch(() => {})
    return held
  }

  /** What is held, at once where it serves; else what a fresh load brings. */
  async get(context: Context): Promise<Held> {
    return this.serve(context) ?? this.refresh(context)
  }

  /** What a fresh load brings; where it fails, what is held as long as it may be served. */
  async refresh(context: Context): Promise<Held> {
    try {
      return await this.#fly(context)
    } catch (error) {
      const held = this.#held
      if (held !== undefined && this.#policy.isServable(held)) return held
      throw error
    }
  }

  /** Replaces what is held, if anything is. */
  amend(change: (held: Held) => Held): void {
    if (this.#held !== undefined) this.#held = change(this.#held)
  }

  /** Forgets what is held; a load under way still answers its callers, but is not kept. */
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
        if (this.#land(flight, after)) this.#observe({ before, after }, context)
        return after
      },
      (error: unknown) => {
        const before = this.#held
        const after = before && this.#policy.afterFailure(before, error)
        if (this.#land(flight, after)) this.#observe({ before, after, error }, context)
        throw error
      },
    )
    // The load begins once the flight is there: whoever is told of it may call again, and joins it.
    this.#flight = flight
    settle(this.#load(context))
    return flight
  }

  /** Whether the flight is still the one that counts: after `reset()`, what an older one brings is not kept. */
  #land(flight: Promise<Held>, held: Held | undefined): boolean {
    if (this.#flight !== flight) return false
    this.#flight = undefined
    this.#held = held
    return true
  }
}
