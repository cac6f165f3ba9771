import { UsageError } from './command.js'
import { parseDurationSeconds } from './duration.js'
import { suggesting } from './nearest.js'

const LONGEST_QUOTE = 64

/** Quotes a value for a line to the user. */
export function quoted(value: string): string {
  const printable = value.replace(/\p{C}/gu, '')
  return printable.length > LONGEST_QUOTE ? `"${printable.slice(0, LONGEST_QUOTE)}…"` : `"${printable}"`
}

/** @throws {UsageError} that names the flag and its value */
export function parseInteger(flag: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (value >= least && value <= most) return value
  throw new UsageError(`${flag} must be an integer from ${least} to ${most}, not ${quoted(text)}`)
}

/** @throws {UsageError} that names the flag, its value and the most likely word */
export function parseWord<const T extends string>(flag: string, text: string, words: readonly T[]): T {
  const word = words.find((one) => one === text)
  if (word !== undefined) return word
  throw new UsageError(`${flag} must be ${words.join(' or ')}, not ${quoted(text)}${suggesting(text, words)}`)
}

/** The limits of a duration, as the user writes them. */
export interface DurationBounds {
  readonly least: string
  readonly most: string
  /** When the limits apply, to end the sentence `must be 15m to 12h`. */
  readonly condition?: string
}

/**
 * Parse a duration such as `900`, `900s`, `15m` or `6h` into seconds.
 *
 * @throws {UsageError} that names the flag and its value
 */
export function parseDuration(
  flag: string,
  text: string,
  { least, most, condition = '' }: DurationBounds,
): number {
  const seconds = parseDurationSeconds(text) ?? NaN
  if (seconds >= secondsOf(least) && seconds <= secondsOf(most)) return seconds
  throw new UsageError(
    `${flag} must be ${least} to ${most}${condition}, written like 90s, 15m or 6h, not ${quoted(text)}`,
  )
}

function secondsOf(duration: string): number {
  return parseDurationSeconds(duration) ?? NaN
}
