import { styleText } from 'node:util'
import { type Tally } from './accounts.js'

export type Colour = 'cyan' | 'green' | 'red' | 'yellow'

export interface Narrator {
  /** A line without a time. */
  say(text: string): void
  /** A line about what happened after `elapsedMs`: who or what it is about, and the rest. */
  tell(elapsedMs: number, colour: Colour, subject: string, text: string): void
  /** A line of a table: what it is about, and a cell for each application. */
  row(subject: string, cells: readonly string[]): void
  /** A word for whether something holds. */
  mark(holds: boolean): string
}

/** Where lines go, such as `process.stdout`. */
export interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const SUBJECT_WIDTH = 28
const CELL_WIDTH = 26

/** Prints to `output`, in colour where that is a terminal and nobody has set `NO_COLOR`. */
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

/** Hours and minutes, such as `06:30`. */
export function timeOfDay(elapsedMs: number): string {
  const minutes = Math.floor(elapsedMs / 60_000)
  return [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0')).join(':')
}

/** What became of some calls, in a cell. */
export function describeCalls({ ok, failed, slowestMs }: Tally): string {
  return failed > 0 ? `${ok} ok, ${failed} FAILED` : `${ok} ok, slowest ${slowestMs.toFixed(0)} ms`
}

/** An access key as it may be shown: enough to tell two apart, not enough to use one. */
export function mask(accessKeyId: string): string {
  return `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}`
}

/** How long before or after its expiration something happened, in whole minutes. */
export function describeMargin(marginMs: number): string {
  const minutes = Math.floor(Math.abs(marginMs) / 60_000)
  return marginMs > 0 ? `${minutes} min before` : `${minutes} min after`
}
