/** A smaller difference comes from the resolution of HTTP dates (1 s) and the time that the response travels. */
const NEGLIGIBLE_MS = 2_000

/** If an exchange seems longer, the host was suspended or its clock was set, and the `Date` header says nothing useful. */
const LONGEST_EXCHANGE_MS = 30_000

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7 */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * How far the clock of IMDS is ahead of the host's, in ms, by the `Date` header of a response that took `tookMs`. `undefined`
 * without a readable header. The offset is shown and never decides anything: a cache, a replay or a proxy can send any date.
 */
export function clockOffsetMs(header: string | undefined, now: number, tookMs = 0): number | undefined {
  const isSteady = tookMs >= 0 && tookMs < LONGEST_EXCHANGE_MS
  if (header === undefined || !isSteady || !IMF_FIXDATE.test(header)) return undefined
  const instant = Date.parse(header)
  return Number.isNaN(instant) ? undefined : instant - now
}

/** Whether two clocks with this offset agree. */
export function isNegligible(offsetMs: number): boolean {
  return Math.abs(offsetMs) < NEGLIGIBLE_MS
}
