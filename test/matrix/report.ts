import { markdownTable } from 'markdown-table'
import type { Result } from './check.js'

/** One row a check. */
export function table(results: readonly Result[]): string {
  const rows = results.map(({ check, word, detail }) => [
    check.section,
    check.subject,
    word,
    firstLine(detail),
  ])
  return markdownTable([['section', 'with', '', 'seen'], ...rows])
}

/** Such as `20 passed, 0 failed, 1 skipped`. */
export function summary(results: readonly Result[]): string {
  const count = (word: Result['word']): number => results.filter((result) => result.word === word).length
  return `${count('passed')} passed, ${count('FAILED')} failed, ${count('SKIPPED')} skipped`
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? ''
}
