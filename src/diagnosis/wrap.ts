/** The text before the first line and before each further line. */
export interface Margins {
  readonly first: string
  readonly rest: string
}

/** Wraps a sentence into lines of at most `width` characters. A longer word is not broken, and has a line of its own. */
export function wrapWords(text: string, width: number, margins: Margins): string[] {
  return fold(text.split(' '), { width, continuation: '', margins })
}

/**
 * Wraps a shell command into lines of at most `width` characters, which the shell reads as one command. Lines end between words,
 * never within quotes, and an option stays with its value if there is room.
 */
export function wrapCommand(command: string, width: number, margins: Margins): string[] {
  const words = command.match(/(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+/g) ?? []
  const room = width - margins.rest.length - CONTINUED.length
  return fold(joinValues(words, room), { width, continuation: CONTINUED, margins })
}

const CONTINUED = ' \\'

function joinValues(words: readonly string[], room: number): string[] {
  const joined: string[] = []
  for (const word of words) {
    const option = joined.at(-1)
    const isValue = option !== undefined && /^-[\w-]+$/.test(option) && !word.startsWith('-')
    const pair = `${option ?? ''} ${word}`
    if (isValue && pair.length <= room) joined[joined.length - 1] = pair
    else joined.push(word)
  }
  return joined
}

interface Folding {
  readonly width: number
  /** The end of a line that continues. */
  readonly continuation: string
  readonly margins: Margins
}

function fold(words: readonly string[], { width, continuation, margins }: Folding): string[] {
  const lines: string[] = []
  let line: string | undefined
  for (const word of words) {
    const margin = lines.length === 0 ? margins.first : margins.rest
    const longer: string = line === undefined ? margin + word : `${line} ${word}`
    if (line === undefined || longer.length + continuation.length <= width) {
      line = longer
    } else {
      lines.push(line + continuation)
      line = margins.rest + word
    }
  }
  return line === undefined ? lines : [...lines, line]
}
