import type { Runtime } from '../runtime/runtime.js'

/** Callers that wait. Together they hold one handle that keeps the process alive, and together they can be rejected. */
export class WaitingCallers {
  /** Each function ends one wait. Absent while nobody waits: a program can have many providers. */
  #rejects: Set<(error: Error) => void> | undefined
  /** Lets the process end again. */
  #release: (() => void) | undefined

  /** Settles with `work`, or rejects when `sendAway` is called. A waiting caller keeps the process alive; a load does not. */
  join<T>(work: Promise<T>, { keepAlive }: Pick<Runtime, 'keepAlive'>): Promise<T> {
    const rejects = (this.#rejects ??= new Set())
    this.#release ??= keepAlive()
    // Not `Promise.race` with one shared promise: that promise would keep every result in memory while anybody waits.
    return new Promise<T>((resolve, reject) => {
      rejects.add(reject)
      work.then(resolve, reject).finally(() => this.#leave(reject))
    })
  }

  /** Rejects all waiting calls with `error`. */
  sendAway(error: Error): void {
    for (const reject of this.#rejects ?? []) {
      reject(error)
      this.#leave(reject)
    }
  }

  #leave(reject: (error: Error) => void): void {
    if (this.#rejects?.delete(reject) !== true || this.#rejects.size > 0) return
    this.#release?.()
    this.#rejects = this.#release = undefined
  }
}
