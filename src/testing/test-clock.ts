import { type Clock } from './clock.js'
import { type ProviderClock, findProviderState, shareProviderState } from './provider-state.js'

export interface TestClockOptions {
  /**
   * The instant at which the clock starts: a `Date`, or epoch milliseconds.
   *
   * @default the present, in whole seconds
   */
  readonly startAt?: Date | number
}

/** Time in the hands of a test: it passes when told to, or when whoever uses it sleeps, and never really waits. */
export interface TestClock extends Clock, ProviderClock {
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
  /** Lets time pass, firing due timers in time order; what they set off may proceed in between. */
  advance(durationMs: number): Promise<void>
  /** Steps the wall clock forth or back, as NTP or a suspended machine does; timers do not notice. */
  stepWallClock(byMs: number): void
  /** Lets time pass with nothing running, as when the event loop is blocked: timers then fire late. */
  blockEventLoop(durationMs: number): void
  passUntil(signal: AbortSignal): Promise<void>
  /** Makes the providers of this process, and emulated instances without a clock of their own, go by this clock. */
  install(): this
  /** Gives the system's time back. */
  release(): void
  [Symbol.dispose](): void
}

interface Timer {
  readonly dueAt: number
  readonly callback: (lateMs: number) => void
}

/**
 * A clock for tests: passes time in the emulated instance and in the providers together, without touching global timers.
 *
 * @example
 * using clock = createTestClock().install()
 * const instance = emulateInstance({ clock })
 * await clock.advance(3_600_000)
 */
export function createTestClock(options: TestClockOptions = {}): TestClock {
  return new ManualClock(startOf(options.startAt))
}

function startOf(startAt: Date | number | undefined): number {
  if (startAt === undefined) return Math.floor(Date.now() / 1_000) * 1_000
  const instant = Number(startAt)
  if (!Number.isFinite(instant)) throw new RangeError('startAt is not a valid instant')
  return instant
}

// Kept from import: under fake timers the global one would not turn.
const nextTurn = setImmediate

/** Enough turns of the event loop for an exchange over loopback to get on. */
const TURNS = 16

class ManualClock implements TestClock {
  readonly #timers = new Set<Timer>()
  readonly #awaitingTimers = new Set<() => void>()
  #elapsedMs = 0
  #wallClockAtZero: number

  constructor(startAt: number) {
    this.#wallClockAtZero = startAt
  }

  now(): number {
    return this.#wallClockAtZero + this.#elapsedMs
  }

  after(delayMs: number, callback: (lateMs: number) => void): () => void {
    const timer = { dueAt: this.#elapsedMs + Math.max(0, delayMs), callback }
    this.#timers.add(timer)
    for (const wake of this.#awaitingTimers) wake()
    return () => void this.#timers.delete(timer)
  }

  async sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    const { promise: woken, resolve: wake } = deferred()
    const cancel = this.after(delayMs, wake)
    // Another sleeper may be the one who makes time pass.
    await Promise.race([woken, this.#passTo(this.#elapsedMs + Math.max(0, delayMs), signal)])
    cancel()
  }

  async advance(durationMs: number): Promise<void> {
    if (!(durationMs >= 0)) throw new RangeError('durationMs must not be negative')
    await this.#passTo(this.#elapsedMs + durationMs)
    await settle()
  }

  stepWallClock(byMs: number): void {
    this.#wallClockAtZero += byMs
  }

  blockEventLoop(durationMs: number): void {
    this.#elapsedMs += Math.max(0, durationMs)
    while (this.#fireNext(this.#elapsedMs));
  }

  async passUntil(signal: AbortSignal): Promise<void> {
    for (;;) {
      await settle()
      if (signal.aborted) return
      if (!this.#fireNext(Infinity)) await this.#nextTimerOrAbort(signal)
    }
  }

  install(): this {
    shareProviderState().clock = this
    return this
  }

  release(): void {
    const state = findProviderState()
    if (state?.clock === this) delete state.clock
  }

  [Symbol.dispose](): void {
    this.release()
  }

  async #passTo(target: number, signal?: AbortSignal): Promise<void> {
    do {
      await settle()
      if (signal?.aborted) return
    } while (this.#fireNext(target))
    this.#elapsedMs = Math.max(this.#elapsedMs, target)
  }

  /** Moves to the earliest timer due by `target` and fires it; false when there is none. */
  #fireNext(target: number): boolean {
    let next: Timer | undefined
    for (const timer of this.#timers) if (next === undefined || timer.dueAt < next.dueAt) next = timer
    if (next === undefined || next.dueAt > target) return false
    this.#timers.delete(next)
    this.#elapsedMs = Math.max(this.#elapsedMs, next.dueAt)
    next.callback(this.#elapsedMs - next.dueAt)
    return true
  }

  #nextTimerOrAbort(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#awaitingTimers.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#awaitingTimers.add(wake)
      signal.addEventListener('abort', wake)
    })
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((settled) => (resolve = settled))
  return { promise, resolve }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => nextTurn(resolve))
}
