/** Exponential: what `base` becomes with each failure, up to `cap`; in ms. */
export interface Backoff {
  readonly baseMs: number
  readonly capMs: number
}

/**
 * Uniform between nothing and the whole: for what nobody waits for. Capped before it is jittered: the other order puts every capped
 * client on the same instant, which is what jitter is there to prevent.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function fullJitterMs(failures: number, backoff: Backoff, random: () => number): number {
  return cappedMs(failures, backoff) * random()
}

/** Uniform between a half and the whole: where somebody waits, and a pause is to be one. */
export function equalJitterMs(failures: number, backoff: Backoff, random: () => number): number {
  return cappedMs(failures, backoff) * (0.5 + 0.5 * random())
}

/** The exponent is capped as well, so that no number of failures overflows. */
function cappedMs(failures: number, { baseMs, capMs }: Backoff): number {
  return Math.min(capMs, baseMs * 2 ** Math.min(failures, 16))
}
