/** Below this, a difference is the grain of HTTP dates (1 s) and the way of the answer. */
const NEGLIGIBLE_MS = 2_000

/** An exchange that took longer tells nothing of the clock of the other side. */
const LONGEST_EXCHANGE_MS = 30_000

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7 */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * How far the clock of IMDS, told by its `Date` header, is ahead of the host's, in ms; `undefined` without a readable header. It is
 * shown and never decides anything: a cache, a replay or a proxy can say any date.
 */
export function clockOffsetMs(dateHeader: string | undefined, now: number): number | undefined {
  if (dateHeader === undefined || !IMF_FIXDATE.test(dateHeader)) return undefined
  const instant = Date.parse(dateHeader)
  return Number.isNaN(instant) ? undefined : instant - now
}

/** Whether two clocks that are this far apart agree. */
export function isNegligible(offsetMs: number): boolean {
  return Math.abs(offsetMs) < NEGLIGIBLE_MS
}

/** Whether the host's clock ran through an exchange of this length: it did not where the host was suspended or the clock was set. */
export function isSteady(tookMs: number): boolean {
  return tookMs >= 0 && tookMs < LONGEST_EXCHANGE_MS
}
