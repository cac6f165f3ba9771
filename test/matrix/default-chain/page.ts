import { readFileSync } from 'node:fs'

export type Chapter = 'Put it in' | 'Undo'

/** A code block of docs/default-chain.md. */
export interface Block {
  readonly language: string
  readonly text: string
}

/** What the page has for the users of a package manager, in its order. */
export function blocksOf(chapter: Chapter, packageManager: string): Block[] {
  const page = readFileSync(new URL('../../../docs/default-chain.md', import.meta.url), 'utf8')
  const section = between(between(page, `## ${chapter}\n`, /^## /m), `### ${packageManager}\n`, /^### /m)
  const blocks = [...section.matchAll(/^```(?<language>\w+)\n(?<text>.*?)^```$/gms)]
  if (blocks.length === 0)
    throw new Error(`docs/default-chain.md: nothing for ${packageManager} in ${chapter}`)
  return blocks.map(({ groups }) => ({ language: groups?.['language'] ?? '', text: groups?.['text'] ?? '' }))
}

function between(text: string, heading: string, next: RegExp): string {
  const [, after = ''] = text.split(`\n${heading}`)
  return after.split(next)[0] ?? ''
}
