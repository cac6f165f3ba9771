/** Exponential backoff, in ms: `baseMs` doubles with each failure, up to `capMs`. */
export interface Backoff {
  readonly baseMs: number
  readonly capMs: number
}

/**
 * A random delay between 0 and the backoff, for tries that nobody waits for. The cap is applied before the jitter: the other order
 * would give every capped client the same instant, which jitter is there to prevent.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function fullJitterMs(failures: number, backoff: Backoff, random: () => number): number {
  return cappedMs(failures, backoff) * random()
}

/** A random delay between half of the backoff and all of it, for tries that a caller waits for. */
export function equalJitterMs(failures: number, backoff: Backoff, random: () => number): number {
  return cappedMs(failures, backoff) * (0.5 + 0.5 * random())
}

/** The exponent is capped as well, so that no number of failures overflows. */
function cappedMs(failures: number, { baseMs, capMs }: Backoff): number {
  return Math.min(capMs, baseMs * 2 ** Math.min(failures, 16))
}
