import type { Runtime } from '../runtime/runtime.js'

/**
 * How long the first endpoint is waited for before the second is tried as well.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8305#section-5
 */
const HEAD_START_MS = 250

type Reach = (endpoint: string) => Promise<unknown>

/** Which of the endpoints of IMDS is used: the one that answered first, for as long as it does. */
export class EndpointChoice {
  readonly #first: string
  readonly #second: string | undefined
  #winner: string | undefined
  /** The last winner, once it stopped answering. It is tried second: a metadata token of its that is still held would let it win without a request. */
  #mute: string | undefined

  constructor(first: string, second?: string) {
    this.#first = first
    this.#second = second
  }

  /** The endpoint that is used, or that most instances have. */
  get preferred(): string {
    return this.#winner ?? this.#first
  }

  /** `reach` rejects where nobody answers at an endpoint; with the first one's error where nobody does at either. */
  async choose(reach: Reach, after: Runtime['after']): Promise<string> {
    if (this.#second === undefined || this.#winner !== undefined) return this.preferred
    const isFirstMute = this.#mute === this.#first
    const [leading, following] = isFirstMute
      ? race(this.#second, this.#first, reach, after)
      : race(this.#first, this.#second, reach, after)
    try {
      this.#winner = await Promise.any([leading, following])
      return this.#winner
    } catch {
      // Both have failed: the first one's verdict is that of the address which most instances have.
      return await (isFirstMute ? following : leading)
    }
  }

  /** Nobody answers there any more: the other one is tried before it. */
  forget(endpoint: string): void {
    if (this.#winner !== endpoint) return
    this.#winner = undefined
    this.#mute = endpoint
  }
}

/** Two tries, the second after a head start of the first or its failure; each gives its endpoint. */
function race(
  leader: string,
  follower: string,
  reach: Reach,
  after: Runtime['after'],
): readonly [Promise<string>, Promise<string>] {
  const leading = reach(leader).then(() => leader)
  const headStart = new Promise<void>((end) => {
    const cancel = after(HEAD_START_MS, () => end())
    leading.then(cancel, () => {
      cancel()
      end()
    })
  })
  return [leading, headStart.then(() => reach(follower)).then(() => follower)]
}
