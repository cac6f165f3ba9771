/** A smaller difference comes from the resolution of HTTP dates (1 s) and the time that the response travels. */
const NEGLIGIBLE_MS = 2_000

/** After a longer exchange, the `Date` header says nothing useful. */
const LONGEST_EXCHANGE_MS = 30_000

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7 */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * How far the clock of IMDS is ahead of the host's, in ms, by its `Date` header. `undefined` without a readable header. The offset
 * is shown and never decides anything: a cache, a replay or a proxy can send any date.
 */
export function clockOffsetMs(dateHeader: string | undefined, now: number): number | undefined {
  if (dateHeader === undefined || !IMF_FIXDATE.test(dateHeader)) return undefined
  const instant = Date.parse(dateHeader)
  return Number.isNaN(instant) ? undefined : instant - now
}

/** Whether two clocks with this offset agree. */
export function isNegligible(offsetMs: number): boolean {
  return Math.abs(offsetMs) < NEGLIGIBLE_MS
}

/** Whether the host's clock can be trusted after an exchange of this length: it cannot if the host was suspended or the clock was set. */
export function isSteady(tookMs: number): boolean {
  return tookMs >= 0 && tookMs < LONGEST_EXCHANGE_MS
}
