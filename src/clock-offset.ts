/**
 * Below this, a difference is the grain of HTTP dates (1 s), the way of the answer, and clocks that are kept well enough. A host
 * whose clock is off by more is not believed: its time is taken from IMDS.
 */
const NEGLIGIBLE_MS = 30_000

/** How far the clock of IMDS, told by its `Date` header, is ahead of the host's, in ms; `undefined` without a readable one. */
export function clockOffsetMs(dateHeader: string | null, now: number): number | undefined {
  const instant = dateHeader === null ? Number.NaN : Date.parse(dateHeader)
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
