import type { Clock } from '../../src/testing/index.js'

/** The clock of a simulation: it jumps from one event to the next. */
export interface SimulationClock extends Clock {
  /** Whether any event is still planned. */
  readonly isExpecting: boolean
  /** Number of events planned so far. A call that plans none has finished. */
  readonly planned: number
  /** Plans an event after `delayMs`. The returned function cancels it. */
  after(delayMs: number, happen: (lateMs: number) => void): () => void
  /** Jumps to the instant and runs every event that is due until then. */
  passTo(instant: number): Promise<void>
  settle(): Promise<void>
}

interface Event {
  readonly at: number
  readonly happen: (lateMs: number) => void
}

// Saved at import, so that nothing that the simulation replaces can stop it.
const nextTurn = setImmediate

/** Lets the code that an event started run until it waits for simulated time. */
export type Settle = () => Promise<void>

export function nextTurnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => void nextTurn(resolve))
}

/** The promises and streams that an event starts are done after a few turns. A test compares the results with many turns. */
export function settleWithin(turns: number): Settle {
  return async () => {
    for (let turn = 0; turn < turns; turn += 1) await nextTurnOfEventLoop()
  }
}

export function createSimulationClock(startAt: number, settle: Settle): SimulationClock {
  return new EventClock(startAt, settle)
}

class EventClock implements SimulationClock {
  /** In the order in which they are due. There are few at a time. */
  readonly #events: Event[] = []
  readonly #settle: Settle
  #now: number
  #planned = 0

  constructor(startAt: number, settle: Settle) {
    this.#now = startAt
    this.#settle = settle
  }

  get isExpecting(): boolean {
    return this.#events.length > 0
  }

  get planned(): number {
    return this.#planned
  }

  now(): number {
    return this.#now
  }

  after(delayMs: number, happen: (lateMs: number) => void): () => void {
    const event = { at: this.#now + Math.max(0, delayMs), happen }
    this.#planned += 1
    const later = this.#events.findIndex(({ at }) => at > event.at)
    this.#events.splice(later === -1 ? this.#events.length : later, 0, event)
    return () => {
      const index = this.#events.indexOf(event)
      if (index !== -1) this.#events.splice(index, 1)
    }
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve()
        return
      }
      const wake = (): void => {
        cancel()
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const cancel = this.after(delayMs, wake)
      signal?.addEventListener('abort', wake)
    })
  }

  async passTo(instant: number): Promise<void> {
    for (let [next] = this.#events; next !== undefined && next.at <= instant; [next] = this.#events) {
      this.#now = Math.max(this.#now, next.at)
      this.#happenAt(next.at)
      await this.#settle()
    }
    this.#now = Math.max(this.#now, instant)
  }

  settle(): Promise<void> {
    return this.#settle()
  }

  /** Runs every event that is due at the same instant. */
  #happenAt(instant: number): void {
    for (let [next] = this.#events; next?.at === instant; [next] = this.#events) {
      this.#events.shift()
      next.happen(0)
    }
  }
}
