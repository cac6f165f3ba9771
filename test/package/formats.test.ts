import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { FIRST_LOAD, TOKEN } from '../setup.js'
import { listeningInstance, outputOf, runNode } from './child.js'

const PRINT_REQUESTS = `
  const instance = emulateInstance()
  const { endpoint } = await instance.listen()
  const { accessKeyId } = await fromInstanceRole({ endpoint })()
  console.log(JSON.stringify([accessKeyId === instance.credentials.accessKeyId, ...instance.requests]))
  await instance.close()
`

test('gives credentials to an ES module, by its own emulated instance', async () => {
  const source = `
    import { fromInstanceRole } from 'instance-role'
    import { emulateInstance } from 'instance-role/testing'
    ${PRINT_REQUESTS}`
  expect(await outputOf({ source, format: 'mjs' })).toEqual([true, ...FIRST_LOAD])
})

test('gives credentials to a CommonJS module, by its own emulated instance', async () => {
  const source = `
    const { fromInstanceRole } = require('instance-role')
    const { emulateInstance } = require('instance-role/testing')
    async function main() { ${PRINT_REQUESTS} }
    main()`
  expect(await outputOf({ source, format: 'cjs' })).toEqual([true, ...FIRST_LOAD])
})

test.each(['mjs', 'cjs'] as const)(
  'names its error by its own name where nobody catches it, in %s',
  async (format) => {
    const load =
      format === 'mjs'
        ? `import { InstanceRoleError } from 'instance-role'`
        : `const { InstanceRoleError } = require('instance-role')`
    const source = `${load}
    const error = new InstanceRoleError('NO_ROLE', 'No role.')
    console.log(JSON.stringify([InstanceRoleError.name, error.stack.split('\\n')[0]]))`
    expect(await outputOf({ source, format })).toEqual([
      'InstanceRoleError',
      expect.stringMatching(/^InstanceRoleError: No role\. Attach /),
    ])
  },
)

test('has both formats share one source in one process', async () => {
  const { instance, server } = await listeningInstance()
  const source = `
    import { createRequire } from 'node:module'
    import * as esm from 'instance-role'
    const cjs = createRequire(import.meta.url)('instance-role')
    const providers = [esm.fromInstanceRole(), cjs.fromInstanceRole()]
    const keys = await Promise.all(providers.map(async (provider) => (await provider()).accessKeyId))
    console.log(JSON.stringify({ keys, areTwoCopies: esm.fromInstanceRole !== cjs.fromInstanceRole }))`
  const key = instance.credentials?.accessKeyId
  expect(await outputOf({ source, format: 'mjs', env: server.env })).toEqual({
    keys: [key, key],
    areTwoCopies: true,
  })
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('has both formats ask for the region once in one process', async () => {
  const { instance, server } = await listeningInstance()
  const source = `
    import { createRequire } from 'node:module'
    import * as esm from 'instance-role'
    const cjs = createRequire(import.meta.url)('instance-role')
    const regions = await Promise.all([esm, cjs, esm].map((copy) => copy.fromInstanceMetadataRegion()()))
    console.log(JSON.stringify([...regions, await new cjs.MetadataClient().region()]))`
  const region = 'eu-central-1'
  expect(await outputOf({ source, format: 'mjs', env: server.env })).toEqual([region, region, region, region])
  expect(instance.requests).toEqual([`${TOKEN} 200`, 'GET /latest/meta-data/placement/region 200'])
})

test('reads the config file with the loader of the AWS SDK, in both formats', async () => {
  const { instance, server } = await listeningInstance()
  const config = join(await mkdtemp(join(inject('bareProject'), 'config-')), 'config')
  await writeFile(config, '[default]\nec2_instance_profile_name = app-role\n')
  const main = `fromInstanceRole()().then(({ accessKeyId }) => console.log(JSON.stringify(accessKeyId)))`
  const env = { ...server.env, AWS_CONFIG_FILE: config }
  const esm = `import { fromInstanceRole } from 'instance-role'; ${main}`
  const cjs = `const { fromInstanceRole } = require('instance-role'); ${main}`
  const key = instance.credentials?.accessKeyId
  expect(await outputOf({ source: esm, format: 'mjs', env })).toBe(key)
  expect(await outputOf({ source: cjs, format: 'cjs', env })).toBe(key)
  // The role is named by the file: it is not asked for.
  const [token, , credentials] = FIRST_LOAD
  expect(instance.requests).toEqual([token, credentials, token, credentials])
})

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
