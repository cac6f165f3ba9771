import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** A code block of a page. */
export interface Snippet {
  readonly page: string
  /** Of the fence, in the page. */
  readonly line: number
  readonly language: string
  readonly text: string
  /** What the block's first line, a comment, says that its file is named. */
  readonly fileName: string | undefined
  /** What the HTML comment before it says of it: `not run` or `elsewhere`, and why. */
  readonly mark: string | undefined
}

/** Everything that is written for readers of the package. */
export const PAGES: readonly string[] = [
  ...['README.md', 'CHANGELOG.md', 'SECURITY.md', 'CONTRIBUTING.md'].filter((page) =>
    existsSync(resolve(ROOT, page)),
  ),
  ...['docs', 'docs/decisions', 'examples', 'bench'].flatMap((folder) =>
    readdirSync(resolve(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
]

export function readPage(page: string): string {
  return readFileSync(resolve(ROOT, page), 'utf8')
}

/** A block can be indented, in a list. */
const BLOCK =
  /^(?:<!-- snippet: (?<mark>[^>]+) -->\n\n)?(?<indent> *)```(?<language>\w+)\n(?<text>.*?)^\k<indent>```$/gms

/** The code blocks of a page, in their order. */
export function snippetsOf(page: string): Snippet[] {
  const markdown = readPage(page)
  return [...markdown.matchAll(BLOCK)].map(({ index, groups = {} }) => {
    const { mark, language = '', text = '' } = groups
    return {
      page,
      line: markdown.slice(0, index).split('\n').length,
      language,
      text,
      fileName: /^(?:\/\/|#) (\S+\.\w+)\n/.exec(text)?.[1],
      mark,
    }
  })
}

export const SNIPPETS: readonly Snippet[] = PAGES.flatMap(snippetsOf)
