import { styleText } from 'node:util'

export type Colour = 'cyan' | 'green' | 'red' | 'yellow'

export interface Narrator {
  /** A line without a time. */
  say(text: string): void
  /** What happened just now: the time since the start, a word for it, and the rest. */
  tell(colour: Colour, word: string, text: string): void
  /** A word for whether something holds. */
  mark(holds: boolean): string
}

/** Where lines go, such as `process.stdout`. */
export interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Prints to `output`, in colour where that is a terminal and nobody has set `NO_COLOR`. */
export function createNarrator(output: Output, startedAt: number): Narrator {
  const inColour = output.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''
  const paint = (colour: Colour, text: string) => (inColour ? styleText(colour, text) : text)
  return {
    say: (text) => void output.write(`${text}\n`),
    tell: (colour, word, text) => {
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
      output.write(`${seconds.padStart(5)} s  ${paint(colour, word.padEnd(14))}  ${text}\n`)
    },
    mark: (holds) => (holds ? paint('green', 'yes') : paint('red', 'NO ')),
  }
}

/** An access key as it may be shown: enough to tell two apart, not enough to use one. */
export function mask(accessKeyId: string): string {
  return `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}`
}

export function seconds(durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`
}
