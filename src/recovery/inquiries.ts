/** Between two inquiries about the same set: IMDS publishes a new one hourly or so, and services refuse in waves. */
const PAUSE_MS = 10_000

interface Inquiry {
  readonly answered: Promise<void>
  /** Until when it stands for another; epoch milliseconds. */
  standsUntil: number
}

/** Makes one inquiry for something newer than a set, however many find out that the set is no good. */
export class Inquiries {
  readonly #now: () => number
  readonly #byId = new Map<string, Inquiry>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Resolves when the inquiry about `id` is over, whatever came of it: this one, or one under way or not long ago. */
  ask(id: string, inquire: () => Promise<unknown>): Promise<void> {
    this.#forgetOld()
    const known = this.#byId.get(id)
    if (known !== undefined) return known.answered
    const over = (): void => void (inquiry.standsUntil = this.#now() + PAUSE_MS)
    const inquiry = { answered: inquire().then(over, over), standsUntil: Infinity }
    this.#byId.set(id, inquiry)
    return inquiry.answered
  }

  /** A clock that went back behind an inquiry makes it as good as old. */
  #forgetOld(): void {
    const now = this.#now()
    for (const [id, { standsUntil }] of this.#byId) {
      const isOld = now >= standsUntil || (standsUntil !== Infinity && now < standsUntil - PAUSE_MS)
      if (isOld) this.#byId.delete(id)
    }
  }
}
