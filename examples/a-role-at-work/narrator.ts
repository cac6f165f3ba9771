import { styleText } from 'node:util'
import { type Tally } from './accounts.js'

export type Colour = 'cyan' | 'green' | 'red' | 'yellow'

export interface Narrator {
  /** Prints a line without a time. */
  say(text: string): void
  /** Prints a line about an event at `elapsedMs`: its subject, and the text. */
  tell(elapsedMs: number, colour: Colour, subject: string, text: string): void
  /** Prints a line of a table: its subject, and a cell for each application. */
  row(subject: string, cells: readonly string[]): void
  /** Returns a word for whether something is true. */
  mark(holds: boolean): string
}

/** Where lines are written, for example `process.stdout`. */
export interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const SUBJECT_WIDTH = 28
const CELL_WIDTH = 26

/** Prints to `output`, in colour if it is a terminal and `NO_COLOR` is not set. */
export function createNarrator(output: Output): Narrator {
  const inColour = output.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''
  const paint = (colour: Colour, text: string) => (inColour ? styleText(colour, text) : text)
  const say = (text: string) => void output.write(`${text}\n`)
  return {
    say,
    tell: (elapsedMs, colour, subject, text) => {
      say(`${timeOfDay(elapsedMs)}  ${paint(colour, subject)} ${text}`)
    },
    row: (subject, cells) => {
      const line = subject.padEnd(SUBJECT_WIDTH) + cells.map((cell) => cell.padEnd(CELL_WIDTH)).join('')
      say(line.trimEnd().replace(/\d+ FAILED/g, (text) => paint('red', text)))
    },
    mark: (holds) => (holds ? paint('green', 'yes') : paint('red', 'NO ')),
  }
}

/** Formats hours and minutes, for example `06:30`. */
export function timeOfDay(elapsedMs: number): string {
  const minutes = Math.floor(elapsedMs / 60_000)
  return [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0')).join(':')
}

/** Describes the results of some calls in a cell. */
export function describeCalls({ ok, failed, slowestMs }: Tally): string {
  return failed > 0 ? `${ok} ok, ${failed} FAILED` : `${ok} ok, slowest ${slowestMs.toFixed(0)} ms`
}

/** Shortens an access key: enough to distinguish two keys, not enough to use one. */
export function mask(accessKeyId: string): string {
  return `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}`
}

/** Describes how long before or after the expiration something happened, in whole minutes. */
export function describeMargin(marginMs: number): string {
  const minutes = Math.floor(Math.abs(marginMs) / 60_000)
  return marginMs > 0 ? `${minutes} min before` : `${minutes} min after`
}
