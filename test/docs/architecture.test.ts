import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const CONTRIBUTING = readFileSync(new URL('../../CONTRIBUTING.md', import.meta.url), 'utf8')

// Fails if the drawing in CONTRIBUTING.md shows imports that are no longer there.
test('shows the imports between the parts as they are', { timeout: 60_000 }, () => {
  const [, drawing] = /```mermaid\n(.*?)\n```/s.exec(CONTRIBUTING) ?? []
  const drawn = execFileSync('npm', ['run', '--silent', 'architecture'], { encoding: 'utf8', shell: true })
  expect(drawing).toBe(drawn.trim())
})

// Fails if a new folder comes without a sentence, and that a sentence outlives its folder.
test('says what each folder of src does', () => {
  const entries = readdirSync(new URL('../../src/', import.meta.url), { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${name}/`)
  const rows = [...CONTRIBUTING.matchAll(/^\| `([a-z]+\/)` \| \S.*\. \|$/gm)].map(([, name]) => name)
  expect(rows.toSorted()).toEqual(folders.toSorted())
})

// Fails if CONTRIBUTING.md says of a call that it passes files which are gone, which nothing on its way imports, or in another order.
test('names at most seven files that a call passes, in an order in which none imports one before it', () => {
  const [, section = ''] = /^### The path of a call\n(.*?)(?=^`drop-in)/ms.exec(CONTRIBUTING) ?? []
  const steps = [...section.matchAll(/^\d\. `([a-z]+\/[a-z-]+\.ts)`/gm)].map(([, file = '']) => file)
  expect(steps[0]).toBe('provider/from-instance-role.ts')
  expect(steps.at(-1)).toBe('imds/http-transport.ts')
  expect(steps.length).toBeLessThanOrEqual(7)
  const files = [...section.matchAll(/`([a-z]+\/[a-z-]+\.ts)`/g)].map(([, file = '']) => file)
  const orphans = files.slice(1).filter((file) => !files.some((other) => importsOf(other).includes(file)))
  expect(orphans).toEqual([])
  const backwards = steps.filter((file, at) =>
    steps.slice(0, at).some((one) => importsOf(file).includes(one)),
  )
  expect(backwards).toEqual([])
})

/** What a file of `src` imports at run time. */
function importsOf(file: string): string[] {
  const url = new URL(`../../src/${file}`, import.meta.url)
  const imports = readFileSync(url, 'utf8').matchAll(/^import (?!type )[^']*?from '(\.[^']+)\.js'/gms)
  const src = new URL('../../src/', import.meta.url).href
  return [...imports].map(([, path = '']) => `${new URL(path, url).href.slice(src.length)}.ts`)
}
