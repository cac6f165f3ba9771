import timers from 'node:timers'
import type { Clock } from './clock.js'
import { type ProviderClock, findProviderState, shareProviderState } from './provider-state.js'

/** Options of `createTestClock`. */
export interface TestClockOptions {
  /**
   * The instant at which the clock starts: a `Date`, or epoch milliseconds.
   *
   * @default the current time, rounded down to a whole second
   */
  readonly startAt?: Date | number
}

/**
 * A clock that a test controls. Its time passes when the test advances it, or when code sleeps by it. No real time passes.
 */
export interface TestClock extends Clock, ProviderClock {
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
  /** Advances the time by `durationMs`. Due timers fire in order, and the code that a timer starts runs before the next one fires. */
  advance(durationMs: number): Promise<void>
  /** Sets the wall clock forward, or back with a negative `byMs`, as NTP or a suspended machine does. Timers are not affected. */
  stepWallClock(byMs: number): void
  /** Advances the time by `durationMs` without firing timers, as when the event loop is blocked. They fire late afterwards. */
  blockEventLoop(durationMs: number): void
  passUntil(signal: AbortSignal): Promise<void>
  /** Makes the providers of this process use this clock, and emulated instances that have no `clock` option. Returns the clock. */
  install(): this
  /** Makes the providers and the emulated instances use the system's clock again. */
  release(): void
  /** Like `release()`, for `using`. */
  [Symbol.dispose](): void
}

interface Timer {
  readonly at: number
  readonly callback: (lateMs: number) => void
}

/**
 * Creates a clock for tests. It controls the time of the emulated instance and of the providers together. Global timers and
 * `Date.now()` stay real.
 *
 * @example
 * using clock = createTestClock().install()
 * const instance = emulateInstance({ clock })
 * await clock.advance(3_600_000)
 *
 * @throws RangeError if `startAt` is not a valid instant
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

/** Saved at import and not read from `globalThis`: fake timers would never call back, and jsdom has none. */
const nextTurn = timers.setImmediate

/** Enough turns of the event loop for an exchange over loopback to progress. */
const TURNS = 16

/** An instant that somebody waits for. `Infinity` means until the signal is aborted. */
interface Goal {
  readonly at: number
  readonly signal: AbortSignal | undefined
  readonly reach: () => void
}

class ManualClock implements TestClock {
  readonly #timers = new Set<Timer>()
  readonly #goals = new Set<Goal>()
  #notify = (): void => {}
  #elapsedMs = 0
  #wallClockAtZero: number

  constructor(startAt: number) {
    this.#wallClockAtZero = startAt
  }

  now(): number {
    return this.#wallClockAtZero + this.#elapsedMs
  }

  elapsed(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, callback: (lateMs: number) => void): () => void {
    const timer = { at: this.#elapsedMs + Math.max(0, delayMs), callback }
    if (timer.at < Infinity) this.#timers.add(timer)
    this.#notify()
    return () => void this.#timers.delete(timer)
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return this.#pass(Math.max(0, delayMs), signal)
  }

  async advance(durationMs: number): Promise<void> {
    if (!(durationMs >= 0)) throw new RangeError('durationMs must not be negative')
    await this.#pass(durationMs)
  }

  passUntil(signal: AbortSignal): Promise<void> {
    return this.#pass(Infinity, signal)
  }

  stepWallClock(byMs: number): void {
    this.#wallClockAtZero += byMs
  }

  blockEventLoop(durationMs: number): void {
    this.#elapsedMs += Math.max(0, durationMs)
    for (let due = earliest(this.#timers); due && due.at <= this.#elapsedMs; due = earliest(this.#timers))
      this.#fire(due)
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

  #pass(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const isPassing = this.#goals.size > 0
      const onAbort = (): void => this.#notify()
      signal?.addEventListener('abort', onAbort)
      const reach = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      this.#goals.add({ at: this.#elapsedMs + durationMs, signal, reach })
      if (isPassing) this.#notify()
      else void this.#passWhileWanted()
    })
  }

  // One loop for all waiting callers, one step at a time: the code that a step starts runs before more time passes.
  async #passWhileWanted(): Promise<void> {
    while (this.#goals.size > 0) {
      await settle()
      if (!this.#step()) await new Promise<void>((resolve) => (this.#notify = resolve))
    }
  }

  /** Moves to the next event: a cancelled goal, a timer, or a goal. Returns `false` if there is none. */
  #step(): boolean {
    const goal = [...this.#goals].find(({ signal }) => signal?.aborted) ?? earliest(this.#goals)
    const timer = earliest(this.#timers)
    if (goal === undefined) return true
    if (goal.signal?.aborted) this.#reach(goal)
    else if (timer !== undefined && timer.at <= goal.at) this.#fire(timer)
    else if (goal.at < Infinity) this.#reach(goal, goal.at)
    else return false
    return true
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer)
    this.#elapsedMs = Math.max(this.#elapsedMs, timer.at)
    timer.callback(this.#elapsedMs - timer.at)
  }

  #reach(goal: Goal, at = this.#elapsedMs): void {
    this.#goals.delete(goal)
    this.#elapsedMs = Math.max(this.#elapsedMs, at)
    goal.reach()
  }
}

/** Returns the earliest, the first one if there are several. */
function earliest<T extends { readonly at: number }>(all: ReadonlySet<T>): T | undefined {
  let found: T | undefined
  for (const one of all) if (found === undefined || one.at < found.at) found = one
  return found
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => nextTurn(resolve))
}
