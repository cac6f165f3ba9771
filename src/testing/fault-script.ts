import { type Fault, requireKnown } from './faults.js'
import { TOKEN_PATH } from './imds-protocol.js'

/** Which requests a fault applies to: those of a step to credentials, `'all'` requests, or those for one path, from the first slash. */
export type Step = 'token' | 'role' | 'credentials' | 'all' | `/${string}`

interface StandingFault {
  readonly step: Step
  readonly fault: Fault
  readonly until: number
}

interface Throttle {
  readonly requestsPerSecond: number
  readonly status: number
  readonly grantedAt: number[]
}

/** The faults that a test has set, and which of them applies to a request. */
export class FaultScript {
  readonly #next: { readonly step: Step; readonly fault: Fault }[] = []
  readonly #standing = new Set<StandingFault>()
  #throttle: Throttle | undefined

  /** Sets faults for the next requests of the step, one each, in order. */
  order(step: Step, faults: readonly Fault[]): void {
    faults.forEach(requireKnown)
    this.#next.push(...faults.map((fault) => ({ step, fault })))
  }

  /** Sets a fault for every request of the step, until an instant or until the returned function is called. */
  stand(step: Step, fault: Fault, until: number): () => void {
    requireKnown(fault)
    const standing = { step, fault, until }
    this.#standing.add(standing)
    return () => void this.#standing.delete(standing)
  }

  throttle(requestsPerSecond: number, status: number): () => void {
    const throttle: Throttle = { requestsPerSecond, status, grantedAt: [] }
    this.#throttle = throttle
    return () => {
      if (this.#throttle === throttle) this.#throttle = undefined
    }
  }

  clear(): void {
    this.#next.length = 0
    this.#standing.clear()
    this.#throttle = undefined
  }

  /** Returns the fault of the request to `path`: one set for the next request, a lasting one, or throttling. */
  take(path: string, now: number): Fault | undefined {
    return this.#takeNext(path) ?? this.#findStanding(path, now) ?? this.#meetThrottle(now)
  }

  #takeNext(path: string): Fault | undefined {
    const index = this.#next.findIndex(({ step }) => concerns(step, path))
    return index === -1 ? undefined : this.#next.splice(index, 1)[0]?.fault
  }

  #findStanding(path: string, now: number): Fault | undefined {
    return [...this.#standing].find(({ step, until }) => now < until && concerns(step, path))?.fault
  }

  #meetThrottle(now: number): Fault | undefined {
    if (this.#throttle === undefined) return undefined
    const { requestsPerSecond, status, grantedAt } = this.#throttle
    while (grantedAt[0] !== undefined && grantedAt[0] <= now - 1_000) grantedAt.shift()
    if (grantedAt.length >= requestsPerSecond) return { status }
    grantedAt.push(now)
    return undefined
  }
}

const LISTING = /^\/[^/]+\/meta-data\/iam\/security-credentials(?:-extended)?\/?$/
const DOCUMENT = /^\/[^/]+\/meta-data\/iam\/security-credentials(?:-extended)?\/[^/]+$/

function concerns(step: Step, path: string): boolean {
  switch (step) {
    case 'all':
      return true
    case 'token':
      return path === TOKEN_PATH
    case 'role':
      return LISTING.test(path)
    case 'credentials':
      return DOCUMENT.test(path)
    default:
      return step === path
  }
}
