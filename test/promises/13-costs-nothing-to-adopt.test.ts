// Times are measured by `npm run bench`, side by side with AWS's own provider; here is what makes them so.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, inject, test } from 'vitest'

const PACKAGE = 'node_modules/instance-role'

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
}

async function manifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
}

async function importsOf(file: string) {
  const { metafile } = await build({
    entryPoints: [join(inject('bareProject'), PACKAGE, file)],
    packages: 'external',
    bundle: true,
    metafile: true,
    write: false,
    platform: 'node',
    format: 'esm',
  })
  return Object.values(metafile.outputs).flatMap(({ imports }) => imports)
}

test('imports no other package and no module of Node when it is imported', async () => {
  const imports = await importsOf('dist/index.js')
  expect(imports.filter(({ kind }) => kind !== 'dynamic-import')).toEqual([])
})

test('loads one more package, and only when a call needs it', async () => {
  const imports = await importsOf('dist/index.js')
  const packages = imports.map(({ path }) => path.split('/').slice(0, 2).join('/'))
  expect([...new Set(packages)]).toEqual(['@smithy/core'])
})

test('depends only on packages that an AWS client installs anyway', async () => {
  const own = Object.keys((await manifest(join(inject('bareProject'), PACKAGE))).dependencies ?? {})
  const client = Object.keys((await manifest('node_modules/@aws-sdk/client-s3')).dependencies ?? {})
  expect(own.length).toBeGreaterThan(0)
  expect(own.filter((name) => !client.includes(name))).toEqual([])
})
