import type { Runtime } from '../runtime/runtime.js'

/** Those who wait at one time. */
interface Crowd {
  /** Ends one wait each. */
  readonly rejects: Set<(error: Error) => void>
  /** Lets the process end. */
  readonly release: () => void
}

/** Callers who wait, a thousand as cheaply as one: together they keep the process alive, and together they are sent away. */
export class WaitingCallers {
  #crowd: Crowd | undefined

  /** Settles with `work`, or rejects when all are sent away. Somebody who waits keeps the process alive; a load does not. */
  join<T>(work: Promise<T>, { keepAlive }: Pick<Runtime, 'keepAlive'>): Promise<T> {
    const crowd = (this.#crowd ??= { rejects: new Set(), release: keepAlive() })
    // Not a race with one promise for all: that would hold on to every result for as long as anybody waits.
    return new Promise<T>((resolve, reject) => {
      crowd.rejects.add(reject)
      work.then(resolve, reject).finally(() => this.#leave(crowd, reject))
    })
  }

  /** Rejects every wait under way with `error`. */
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
