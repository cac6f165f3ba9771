import type { Runtime } from './runtime.js'

/** Those who wait at one time. */
interface Crowd {
  size: number
  /** Rejects when they are all sent away. */
  readonly sentAway: Promise<never>
  readonly sendAway: (error: Error) => void
  /** Lets the process end. */
  readonly release: () => void
}

/** Callers who wait, a thousand as cheaply as one: together they keep the process alive, and together they are sent away. */
export class Waits {
  #crowd: Crowd | undefined

  /** Settles with `work`, or rejects when all are sent away. Somebody who waits keeps the process alive; a load does not. */
  async join<T>(work: Promise<T>, { keepAlive }: Pick<Runtime, 'keepAlive'>): Promise<T> {
    const crowd = (this.#crowd ??= gather(keepAlive()))
    crowd.size += 1
    try {
      return await Promise.race([work, crowd.sentAway])
    } finally {
      crowd.size -= 1
      if (crowd.size === 0) this.#disperse(crowd)
    }
  }

  /** Rejects every wait under way with `error`. */
  sendAway(error: Error): void {
    this.#crowd?.sendAway(error)
  }

  #disperse(crowd: Crowd): void {
    crowd.release()
    if (this.#crowd === crowd) this.#crowd = undefined
  }
}

function gather(release: () => void): Crowd {
  let sendAway: Crowd['sendAway'] = () => {}
  const sentAway = new Promise<never>((_, reject) => {
    sendAway = reject
  })
  // The last of them may have gone before.
  sentAway.catch(() => {})
  return { size: 0, sentAway, sendAway, release }
}
