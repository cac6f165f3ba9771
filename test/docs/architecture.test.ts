import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const CONTRIBUTING = readFileSync(new URL('../../CONTRIBUTING.md', import.meta.url), 'utf8')

// Prevents that the drawing in CONTRIBUTING.md shows imports that are no longer there.
test('shows the imports between the parts as they are', { timeout: 60_000 }, () => {
  const [, drawing] = /```mermaid\n(.*?)\n```/s.exec(CONTRIBUTING) ?? []
  const drawn = execFileSync('npm', ['run', '--silent', 'architecture'], { encoding: 'utf8', shell: true })
  expect(drawing).toBe(drawn.trim())
})

// Prevents that a new folder comes without a sentence, and that a sentence outlives its folder.
test('says what each folder of src does', () => {
  const entries = readdirSync(new URL('../../src/', import.meta.url), { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${name}/`)
  const rows = [...CONTRIBUTING.matchAll(/^\| `([a-z]+\/)` \| \S.*\. \|$/gm)].map(([, name]) => name)
  expect(rows.toSorted()).toEqual(folders.toSorted())
})
