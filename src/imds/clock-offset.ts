import type { Runtime } from '../runtime/runtime.js'

/**
 * Below this, a difference is the grain of HTTP dates (1 s), the way of the answer, and clocks that are kept well enough. A host
 * whose clock is off by more is not believed: its time is taken from IMDS.
 */
const NEGLIGIBLE_MS = 30_000

/**
 * No credentials live longer, whoever made them.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
 */
const LONGEST_LIFE_MS = 36 * 3_600_000

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7 */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** How far the clock of IMDS, told by its `Date` header, is ahead of the host's, in ms; `undefined` without a readable one. */
export function clockOffsetMs(dateHeader: string | undefined, now: number): number | undefined {
  if (dateHeader === undefined || !IMF_FIXDATE.test(dateHeader)) return undefined
  const instant = Date.parse(dateHeader)
  return Number.isNaN(instant) ? undefined : instant - now
}

/** What is added to the host's clock. */
export function correctionMs(offsetMs: number): number {
  return Math.abs(offsetMs) < NEGLIGIBLE_MS ? 0 : offsetMs
}

/** Whether the host's clock ran through an exchange of this length: where the host was suspended or its clock stepped, `Date` tells nothing. */
export function isSteady(tookMs: number): boolean {
  return tookMs >= 0 && tookMs < NEGLIGIBLE_MS
}

/** The clock of IMDS, as far as its answers tell it. */
export class ImdsClock {
  readonly #runtime: Pick<Runtime, 'now' | 'elapsed'>
  #told: { readonly offsetMs: number; readonly instant: number; readonly toldAt: number } | undefined
  #isBelieved = true

  constructor(runtime: Pick<Runtime, 'now' | 'elapsed'>) {
    this.#runtime = runtime
  }

  /** How far it was ahead of the host's with the last answer that told, in ms. */
  get offsetMs(): number | undefined {
    return this.#told?.offsetMs
  }

  /** Takes the time from the `Date` header of an answer. */
  tell(dateHeader: string | undefined): void {
    const now = this.#runtime.now()
    const offsetMs = clockOffsetMs(dateHeader, now)
    if (offsetMs === undefined) return
    this.#told = { offsetMs, instant: now + offsetMs, toldAt: this.#runtime.elapsed() }
  }

  /** How far the time to go by is ahead of the host's clock now, in ms. */
  correctionMs(): number {
    if (this.#told === undefined || !this.#isBelieved) return 0
    const { offsetMs, instant, toldAt } = this.#told
    const toldMs = correctionMs(offsetMs)
    if (toldMs === 0) return 0
    // Where a wrong clock was set back since, what has passed meanwhile counts; where it jumped ahead, IMDS is asked soon.
    return Math.max(toldMs, instant + this.#runtime.elapsed() - toldAt - this.#runtime.now())
  }

  /** Not believed where the credentials that came with it make sense by the host's clock and by no other: it may be a recording. */
  check(expiresAt: number): void {
    const { offsetMs = 0 } = this.#told ?? {}
    const leftMs = expiresAt - this.#runtime.now()
    this.#isBelieved = !isLife(leftMs) || isLife(leftMs - offsetMs)
  }

  reset(): void {
    this.#told = undefined
    this.#isBelieved = true
  }
}

function isLife(leftMs: number): boolean {
  return leftMs > 0 && leftMs <= LONGEST_LIFE_MS
}
