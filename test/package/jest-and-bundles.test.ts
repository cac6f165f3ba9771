import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { listeningInstance, runNode } from './child.js'

// msw depends on ESM-only packages, which Jest reads when they are transformed; nothing of ours is.
const TRANSFORM = `
  const { transformSync } = require('esbuild')
  module.exports = { process: (source) => transformSync(source, { format: 'cjs' }) }`
const JEST_CONFIG = JSON.stringify({
  testEnvironment: 'node',
  watchman: false,
  transform: {
    '/node_modules/(rettime|until-async|@open-draft/deferred-promise)/.*js$': '<rootDir>/to-commonjs.js',
  },
  transformIgnorePatterns: [],
})

test.each([
  [
    'a real port',
    `test('loads', async () => {
      const instance = emulateInstance()
      const { endpoint } = await instance.listen()
      const { accessKeyId } = await fromInstanceRole({ endpoint })()
      expect(accessKeyId).toBe(instance.credentials.accessKeyId)
      await instance.close()
    })
    test('fails, with the cause and the reason of an abort as they are elsewhere', async () => {
      const instance = emulateInstance()
      const server = await instance.listen()
      await server.close()
      const provider = fromInstanceRole({ endpoint: server.endpoint, retries: 0 })
      await expect(provider()).rejects.toMatchObject({
        code: 'UNREACHABLE',
        message: expect.stringContaining('ECONNREFUSED'),
        cause: { message: expect.stringContaining('ECONNREFUSED') },
      })
      const call = fromInstanceRole({ endpoint: server.endpoint })({ abortSignal: AbortSignal.abort() })
      await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    })`,
  ],
  [
    'msw',
    `const { setupServer } = require('msw/node')
    test('loads', async () => {
      const instance = emulateInstance()
      const server = setupServer(...instance.handlers)
      server.listen({ onUnhandledRequest: 'error' })
      const { accessKeyId } = await fromInstanceRole()()
      server.close()
      expect(accessKeyId).toBe(instance.credentials.accessKeyId)
    })`,
  ],
])('works in a Jest CommonJS test, over %s', async (_name, body) => {
  const folder = await mkdtemp(join(inject('toolProject'), 'jest-'))
  await writeFile(join(folder, 'package.json'), '{}')
  await writeFile(join(folder, 'to-commonjs.js'), TRANSFORM)
  await writeFile(
    join(folder, 'role.test.js'),
    `const { fromInstanceRole } = require('instance-role')
    const { emulateInstance } = require('instance-role/testing')
    ${body}`,
  )
  const jest = join(inject('toolProject'), 'node_modules/jest/bin/jest.js')
  const args = [
    jest,
    '--ci',
    '--runInBand',
    '--cacheDirectory',
    join(folder, 'cache'),
    '--config',
    JEST_CONFIG,
  ]
  const { code, stderr } = await runNode([...args, '--rootDir', folder], folder)
  expect(stderr).toMatch(/Tests: +(\d) passed, \1 total/)
  expect(code).toBe(0)
})

test.each(['esm', 'cjs'])('runs from one file when esbuild bundles it as %s', async (format) => {
  const { instance, server } = await listeningInstance()
  const folder = await mkdtemp(join(inject('toolProject'), 'bundle-'))
  const main = `fromInstanceRole()().then(({ accessKeyId }) => console.log(JSON.stringify(accessKeyId)))`
  const app = {
    esm: `import { fromInstanceRole } from 'instance-role'; ${main}`,
    cjs: `const { fromInstanceRole } = require('instance-role'); ${main}`,
  }
  await writeFile(join(folder, 'app.js'), format === 'esm' ? app.esm : app.cjs)
  const outfile = join(await temporaryFolder(), `bundle.${format === 'esm' ? 'mjs' : 'cjs'}`)
  const build = {
    entryPoints: ['app.js'],
    bundle: true,
    platform: 'node',
    format,
    outfile,
    banner: BANNERS[format],
  }
  const ended = await runNode(['-e', `require('esbuild').buildSync(${JSON.stringify(build)})`], folder)
  expect(ended).toEqual({ code: 0, stdout: '', stderr: '' })
  const { stdout, stderr } = await runNode([outfile], tmpdir(), server.env)
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toBe(instance.credentials?.accessKeyId)
})

/** As esbuild's users do where CommonJS packages, undici here, are bundled into an ES module. */
const BANNERS: Readonly<Record<string, { js: string }>> = {
  esm: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'instance-role-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}
