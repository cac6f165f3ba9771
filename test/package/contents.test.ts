import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { build } from 'esbuild'
import { expect, inject, test } from 'vitest'
import { VERSION } from '../../src/runtime/version.js'
import { listeningInstance, outputOf, runNode } from './child.js'

const packedFiles = inject('packedFiles')

function packed(path: string): Promise<string> {
  return readFile(join(inject('bareProject'), 'node_modules/instance-role', path), 'utf8')
}

async function manifest(): Promise<Record<string, unknown>> {
  return JSON.parse(await packed('package.json')) as Record<string, unknown>
}

function pathsIn(value: unknown): string[] {
  if (typeof value === 'string') return [posix.normalize(value)]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(pathsIn) : []
}

// Keeps tests, sources and what lies about in a working tree out of what people install.
test('packs only the build and four documents', () => {
  const documents = packedFiles.filter((path) => !path.startsWith('dist/'))
  expect(documents.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
  const others = packedFiles.filter((path) => /^dist\//.test(path) && !/\.(js|cjs|d\.ts|d\.cts)$/.test(path))
  expect(others).toEqual(['dist/THIRD-PARTY-LICENSES.txt'])
})

// A path that package.json names and the tarball lacks fails only on the user's machine.
test('packs every file that package.json points to', async () => {
  const { main, module, types, bin = {}, exports } = await manifest()
  const named = pathsIn({ main, module, types, bin, exports })
  expect(named.length).toBeGreaterThan(8)
  expect(named.filter((path) => !packedFiles.includes(path))).toEqual([])
})

test('has the same version in the code and in package.json', async () => {
  expect((await manifest())['version']).toBe(VERSION)
})

test('has its version or `Unreleased` at the top of the changelog', async () => {
  const [, top] = /^## \[(.+?)\]/m.exec(await packed('CHANGELOG.md')) ?? []
  expect(['Unreleased', VERSION]).toContain(top)
})

test('uses no dynamic import in CommonJS', async () => {
  const files = packedFiles.filter((path) => path.endsWith('.cjs'))
  expect(files).toContain('dist/index.cjs')
  const texts = await Promise.all(files.map(packed))
  expect(texts.filter((text) => /\bimport\s*\(/.test(text.replace(/^\s*(\/\/|\*).*$/gm, '')))).toEqual([])
})

/** The packages whose code is in the build: all that the sources import, but for those that are installed beside it. */
async function bundledPackages(): Promise<string[]> {
  const { dependencies, peerDependencies } = await manifest()
  const { metafile } = await build({
    entryPoints: ['src/index.ts', 'src/testing/index.ts', 'src/cli/main.ts'],
    external: Object.keys({ ...(dependencies as object), ...(peerDependencies as object) }),
    bundle: true,
    metafile: true,
    write: false,
    platform: 'node',
    format: 'esm',
    outdir: 'dist',
  })
  const names = Object.keys(metafile.inputs).map(
    (path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1],
  )
  return [...new Set(names)].filter((name) => name !== undefined).sort()
}

// Bundled code is distributed by us, and its licences ask for their notice.
test('contains the licence of each bundled package', async () => {
  const names = await bundledPackages()
  expect(names).toEqual(['is-network-error', 'p-retry'])
  const notices = await packed('dist/THIRD-PARTY-LICENSES.txt')
  const licences = await Promise.all(names.map((name) => readFile(`node_modules/${name}/license`, 'utf8')))
  expect(licences.filter((licence) => !notices.includes(licence.trim()))).toEqual([])
})

test('keeps the names of classes and methods in stack traces, and breaks its lines', async () => {
  const source = `
    import { fromInstanceRole, InstanceRoleError, MetadataClient } from 'instance-role'
    const { stack } = await fromInstanceRole({ endpoint: 'http://127.0.0.1:1', retries: 0 })().catch((error) => error)
    console.log(JSON.stringify([InstanceRoleError.name, MetadataClient.name, stack]))`
  const [error, client, stack] = (await outputOf({ source, format: 'mjs' })) as string[]
  expect([error, client]).toEqual(['InstanceRoleError', 'MetadataClient'])
  expect(stack).toMatch(/^InstanceRoleError: .*\n +at (async )?[\w.]+ /)
  const lines = (await packed('dist/index.js')).split('\n')
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(1_000)
})

test('exports the same names in both formats', async () => {
  const source = `
    import { createRequire } from 'node:module'
    import * as esm from 'instance-role'
    import * as esmTesting from 'instance-role/testing'
    const require = createRequire(import.meta.url)
    const names = (module) => Object.keys(module).sort()
    console.log(JSON.stringify([
      [names(esm), names(require('instance-role'))],
      [names(esmTesting), names(require('instance-role/testing'))],
    ]))`
  const pairs = (await outputOf({ source, format: 'mjs' })) as [string[], string[]][]
  expect(pairs.map(([esm]) => esm)).toEqual(pairs.map(([, cjs]) => cjs))
  expect(pairs[0]?.[0]).toContain('fromInstanceRole')
  expect(pairs[1]?.[0]).toContain('emulateInstance')
})

test('packs a command that runs', async () => {
  const { instance, server } = await listeningInstance()
  const command = join(
    inject('bareProject'),
    'node_modules/instance-role',
    pathsIn((await manifest())['bin'])[0] ?? '',
  )
  expect(await readFile(command, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  const { code, stdout, stderr } = await runNode([command, 'credentials'], inject('bareProject'), server.env)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject({ Version: 1, AccessKeyId: instance.credentials?.accessKeyId })
})

// Nobody notices a package that grows by a little each time.
test('stays within its size budget', async () => {
  const sizes = await Promise.all(packedFiles.map(async (path) => Buffer.byteLength(await packed(path))))
  const unpacked = sizes.reduce((sum, size) => sum + size, 0)
  expect(unpacked).toBeGreaterThan(100_000)
  expect(unpacked).toBeLessThan(400_000)
})
