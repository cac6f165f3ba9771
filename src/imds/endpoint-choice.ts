import type { Runtime } from '../runtime/runtime.js'

/**
 * Head start of the first endpoint before the second is tried as well.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8305#section-5
 */
const HEAD_START_MS = 250

type Reach = (endpoint: string) => Promise<unknown>

/** Chooses the endpoint: the one that answered first, as long as it answers. */
export class EndpointChoice {
  readonly #first: string
  readonly #second: string | undefined
  #winner: string | undefined
  /**
   * The last winner, after it stopped answering. It is tried second: if its cached metadata token came first, it would win without
   * a request.
   */
  #mute: string | undefined

  constructor(first: string, second?: string) {
    this.#first = first
    this.#second = second
  }

  /** The chosen endpoint. Before one is chosen, the endpoint that most instances have. */
  get preferred(): string {
    return this.#winner ?? this.#first
  }

  /** `reach` rejects if an endpoint does not answer. If neither answers, the error of the first one is thrown. */
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
      // If both failed, the error of the address that most instances have is the useful one.
      return await (isFirstMute ? following : leading)
    }
  }

  /** The endpoint stopped answering: the other one is tried before it. */
  forget(endpoint: string): void {
    if (this.#winner !== endpoint) return
    this.#winner = undefined
    this.#mute = endpoint
  }
}

/** Starts two tries, the second after the head start or when the first fails. Each returns its endpoint. */
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
