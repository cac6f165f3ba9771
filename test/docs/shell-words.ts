/** The words of a command line, as a POSIX shell splits it; quotes taken off, comments left out. */
export function shellWords(line: string): string[] {
  const words = [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"#]|(?<=\S)#)+|#.*$/g)].map(([word]) => word)
  return words
    .filter((word) => !word.startsWith('#'))
    .map((word) =>
      word.replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
    )
}

/** What is given for each `--option` of a command; an option without a value has `''`. */
export function optionsIn(words: readonly string[]): Map<string, string> {
  const options = new Map<string, string>()
  for (const [index, word] of words.entries()) {
    const value = words[index + 1] ?? ''
    if (word.startsWith('--')) options.set(word.slice(2), value.startsWith('--') ? '' : value)
  }
  return options
}
