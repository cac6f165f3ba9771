import { createDispatcher, type EmulatedDispatcher } from '../../src/testing/dispatcher-front.js'
import type { Outcome } from '../../src/testing/faults.js'
import type { EmulatedInstance, EmulatedRequest } from '../../src/testing/index.js'

/**
 * EC2's limit for packets to IMDS, DNS, NTP and the other link-local services, per network interface.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html (Query throttling)
 */
export const PACKETS_PER_SECOND = 1_024

/**
 * The packets of one request, which has its own connection (IMDS closes each): SYN, SYN-ACK, ACK; request, ACK; response, ACK; FIN,
 * FIN-ACK, ACK.
 *
 * AWS does not say whether both directions count; this assumes the harder case. A response fits in one packet of 9,001 bytes.
 */
export const PACKETS_PER_REQUEST = 10

export interface LinkOptions {
  /** Time from a request to its response. */
  readonly latencyMs: number
  /** Whether the interface has EC2's limit. */
  readonly throttled: boolean
}

/** The connection from the processes of an instance to its IMDS, with a record of the requests. */
export class MetadataLink {
  readonly dispatcher: EmulatedDispatcher
  readonly #instance: EmulatedInstance
  readonly #options: LinkOptions
  readonly #sentAt: number[] = []
  #dropped = 0
  #packets = PACKETS_PER_SECOND
  #filledAt: number

  constructor(instance: EmulatedInstance, options: LinkOptions) {
    this.#instance = instance
    this.#options = options
    this.#filledAt = instance.clock.now()
    const { signal } = new AbortController()
    this.dispatcher = createDispatcher({
      clock: instance.clock,
      closed: signal,
      answer: (request) => this.ask(request),
    })
  }

  /** When each request was sent, in epoch milliseconds, including dropped ones. */
  get sentAt(): readonly number[] {
    return this.#sentAt
  }

  /** Number of requests beyond the limit. Their packets are lost, so they get no response. */
  get dropped(): number {
    return this.#dropped
  }

  ask(request: EmulatedRequest): Outcome {
    this.#sentAt.push(this.#instance.clock.now())
    if (this.#options.throttled && !this.#letThrough()) {
      this.#dropped += 1
      return { kind: 'silence' }
    }
    const outcome = this.#instance.answer(request)
    if (!('reply' in outcome)) return outcome
    return { ...outcome, delayMs: outcome.delayMs + this.#options.latencyMs }
  }

  /** A token bucket with the packets of one second. A lost SYN takes none. */
  #letThrough(): boolean {
    const now = this.#instance.clock.now()
    const refill = ((now - this.#filledAt) / 1_000) * PACKETS_PER_SECOND
    this.#packets = Math.min(PACKETS_PER_SECOND, this.#packets + refill)
    this.#filledAt = now
    if (this.#packets < PACKETS_PER_REQUEST) return false
    this.#packets -= PACKETS_PER_REQUEST
    return true
  }
}
