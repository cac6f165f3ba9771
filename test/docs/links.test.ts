// Prevents a dead link: pages are renamed, headings reworded, files moved.
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { PAGES, readPage } from './snippets.js'

const ROOT = resolve(import.meta.dirname, '../..')

interface Link {
  readonly page: string
  readonly target: string
}

/** Without code blocks, in which brackets are no links and `#` is no heading. */
function prose(page: string): string {
  return readPage(page).replace(/^ *```.*?^ *```$/gms, '')
}

/** The anchors that GitHub makes of a page's headings. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of prose(page).matchAll(/^#{1,6} (.*)$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')
    let unique = slug
    for (let again = 1; anchors.has(unique); again += 1) unique = `${slug}-${again}`
    anchors.add(unique)
  }
  return anchors
}

/** Where a file of this repository is for npmjs.com, which makes an absolute address of an `<img>`'s `src` alone. */
const RAW = 'https://raw.githubusercontent.com/instance-role/instance-role/main/'

/** In Markdown, and of `<img>` and `<source>`. */
const TARGET = /\[[^\]]*\]\(([^)\s]+)\)| src(?:set)?="([^"]+)"/g

const links: readonly Link[] = PAGES.flatMap((page) =>
  [...prose(page).matchAll(TARGET)].map(([, inMarkdown, inHtml]) => {
    const target = inMarkdown ?? inHtml ?? ''
    return target.startsWith(RAW) ? { page: 'README.md', target: target.slice(RAW.length) } : { page, target }
  }),
)
const isExternal = ({ target }: Link): boolean => /^[a-z]+:/i.test(target)

/** What is wrong with a relative link, if anything. */
function complaint({ page, target }: Link): string | undefined {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? page : join(dirname(page), path)
  if (!existsSync(resolve(ROOT, file))) return `${page}: there is no ${file}`
  if (anchor === undefined || anchorsOf(file).has(anchor)) return undefined
  return `${page}: ${file} has no heading for #${anchor}`
}

test('every relative link leads to a file, and to a heading in it', () => {
  const relative = links.filter((link) => !isExternal(link))
  expect(relative.length).toBeGreaterThan(60)
  expect(relative.map(complaint).filter((text) => text !== undefined)).toEqual([])
})

test('every other link is a well-formed https: address', () => {
  const external = links.filter(isExternal)
  expect(external.length).toBeGreaterThan(3)
  const odd = external.filter(({ target }) => !URL.canParse(target) || new URL(target).protocol !== 'https:')
  expect(odd).toEqual([])
})

test('every page can be found from the index, or from README', () => {
  const found = links
    .filter(({ page }) => page === 'docs/README.md' || page === 'README.md')
    .map(({ page, target }) => join(dirname(page), target.split('#')[0] ?? ''))
  const orphans = PAGES.filter((page) => page.startsWith('docs/') && !found.includes(page))
  expect(orphans).toEqual([])
})
