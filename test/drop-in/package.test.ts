import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runCommand } from '../matrix/child-process.js'

const ROOT = resolve(import.meta.dirname, '../..')

interface Manifest {
  readonly version: string
  readonly engines: unknown
  readonly publishConfig: unknown
  readonly license: string
  readonly dependencies: Readonly<Record<string, string>>
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest
}

const main = manifestOf('.')
const dropIn = manifestOf('drop-in')

// Prevents a drop-in that asks for an instance-role which was never published with it.
test('has the version of the package that it builds on, and requires it', () => {
  expect(dropIn.version).toBe(main.version)
  expect(dropIn.dependencies['instance-role']).toBe(`^${main.version}`)
})

test('has the same Node, licence and way of publishing', () => {
  const { engines, publishConfig, license } = main
  expect(dropIn).toMatchObject({ engines, publishConfig, license })
  const licence = (folder: string): string => readFileSync(join(ROOT, folder, 'LICENSE'), 'utf8')
  expect(licence('drop-in')).toBe(licence('.'))
})

// Under the official name, the override would lead it to itself.
test('depends on the official package under another name', () => {
  expect(Object.keys(dropIn.dependencies)).toEqual(['instance-role', 'official-imds'])
  expect(dropIn.dependencies['official-imds']).toBe('npm:@smithy/credential-provider-imds@^4')
})

test('packs only the build and two documents, with nothing installed', async () => {
  const destination = await mkdtemp(join(tmpdir(), 'drop-in-pack-'))
  onTestFinished(() => rm(destination, { recursive: true }))
  const args = ['pack', '--json', '--pack-destination', destination]
  const { code, stdout } = await runCommand({ executable: 'npm', args, cwd: join(ROOT, 'drop-in') })
  const [packed] = JSON.parse(stdout) as [{ files: readonly { path: string }[] }]
  expect(code).toBe(0)
  expect(packed.files.map(({ path }) => path).sort()).toEqual([
    ...['LICENSE', 'README.md', 'dist/index.cjs', 'dist/index.d.cts', 'dist/index.d.ts', 'dist/index.js'],
    'package.json',
  ])
})
