import type { Runtime } from '../runtime.js'

/**
 * How long the first endpoint is waited for before the second is tried as well.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8305#section-5
 */
const HEAD_START_MS = 250

/** Which of the endpoints of IMDS is used: the one that answered first, for as long as it does. */
export class EndpointChoice {
  readonly #first: string
  readonly #second: string | undefined
  #winner: string | undefined

  constructor(first: string, second?: string) {
    this.#first = first
    this.#second = second
  }

  /** The endpoint that is used, or would be tried first. */
  get preferred(): string {
    return this.#winner ?? this.#first
  }

  /** `reach` rejects where nobody answers at an endpoint; with the first one's error where nobody does at either. */
  async choose(reach: (endpoint: string) => Promise<unknown>, after: Runtime['after']): Promise<string> {
    if (this.#second === undefined || this.#winner !== undefined) return this.preferred
    this.#winner = await race(this.#first, this.#second, reach, after)
    return this.#winner
  }

  /** Nobody answers there any more. */
  forget(endpoint: string): void {
    if (this.#winner === endpoint) this.#winner = undefined
  }
}

async function race(
  first: string,
  second: string,
  reach: (endpoint: string) => Promise<unknown>,
  after: Runtime['after'],
): Promise<string> {
  const firstTry = reach(first)
  const headStart = new Promise<void>((end) => {
    const cancel = after(HEAD_START_MS, () => end())
    firstTry.then(cancel, () => {
      cancel()
      end()
    })
  })
  const secondTry = headStart.then(() => reach(second))
  try {
    return await Promise.any([firstTry.then(() => first), secondTry.then(() => second)])
  } catch {
    // Both have failed: the first one's verdict is that of the address which most instances have.
    return firstTry.then(() => first)
  }
}
