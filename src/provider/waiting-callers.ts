import type { Runtime } from '../runtime/runtime.js'

/** The callers that wait at the same time. */
interface Crowd {
  /** Each function ends one wait. */
  readonly rejects: Set<(error: Error) => void>
  /** Lets the process end again. */
  readonly release: () => void
}

/** Callers that wait. Together they hold one handle that keeps the process alive, and together they can be rejected. */
export class WaitingCallers {
  #crowd: Crowd | undefined

  /** Settles with `work`, or rejects when `sendAway` is called. A waiting caller keeps the process alive; a load does not. */
  join<T>(work: Promise<T>, { keepAlive }: Pick<Runtime, 'keepAlive'>): Promise<T> {
    const crowd = (this.#crowd ??= { rejects: new Set(), release: keepAlive() })
    // Not `Promise.race` with one shared promise: that promise would keep every result in memory while anybody waits.
    return new Promise<T>((resolve, reject) => {
      crowd.rejects.add(reject)
      work.then(resolve, reject).finally(() => this.#leave(crowd, reject))
    })
  }

  /** Rejects all waiting calls with `error`. */
  sendAway(error: Error): void {
    const crowd = this.#crowd
    for (const reject of crowd?.rejects ?? []) {
      reject(error)
      this.#leave(crowd, reject)
    }
  }

  #leave(crowd: Crowd | undefined, reject: (error: Error) => void): void {
    if (crowd?.rejects.delete(reject) !== true || crowd.rejects.size > 0) return
    crowd.release()
    if (this.#crowd === crowd) this.#crowd = undefined
  }
}
