/** The result of measuring something many times. */
export interface Spread {
  readonly median: number
  readonly p10: number
  readonly p90: number
}

export function spreadOf(samples: readonly number[]): Spread {
  return { median: percentile(samples, 0.5), p10: percentile(samples, 0.1), p90: percentile(samples, 0.9) }
}

/** Interpolates between the two nearest samples. `share` is 0.5 for the median. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((one, other) => one - other)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? NaN
  const above = sorted[Math.ceil(place)] ?? NaN
  return below + (above - below) * (place - Math.floor(place))
}
