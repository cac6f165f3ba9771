import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { searchDefaultChain } from '../../src/diagnosis/default-chain-search.js'
import { judgeDefaultChain } from '../../src/diagnosis/judge-default-chain.js'

const OFFICIAL = { name: '@smithy/credential-provider-imds', version: '4.5.2' }
const DROP_IN = { name: 'instance-role-imds', version: '0.1.0' }
const OVERRIDE = { '@smithy/credential-provider-imds': 'npm:instance-role-imds@^0.1.0' }
const SLOT = 'node_modules/@smithy/credential-provider-imds'
const CHAIN = 'node_modules/@aws-sdk/credential-provider-node'
const CLIENT = 'node_modules/@aws-sdk/client-s3'

/** Files, by their path; what is not text is written as JSON. */
async function createFolder(files: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'default-chain-')))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    await writeFile(join(folder, path), text)
  }
  return folder
}

/** A program with one client of the AWS SDK, and what stands at the end of the client's default chain. */
function program(imds: object, manifest: object = {}, lockFile = 'package-lock.json') {
  return {
    'package.json': { dependencies: { '@aws-sdk/client-s3': '^3' }, ...manifest },
    [lockFile]: '',
    [`${CLIENT}/package.json`]: { dependencies: { '@aws-sdk/credential-provider-node': '*' } },
    [`${CHAIN}/package.json`]: { dependencies: { [OFFICIAL.name]: '^4' } },
    [`${SLOT}/package.json`]: imds,
  }
}

async function findingIn(files: Readonly<Record<string, unknown>>, below = '') {
  const folder = await createFolder(files)
  return { folder, ...judgeDefaultChain(searchDefaultChain(join(folder, below))) }
}

test("says that clients use AWS's own provider, and how to change that", async () => {
  const { folder, ...finding } = await findingIn(program(OFFICIAL))
  expect(finding).toMatchObject({ check: 'default-chain', verdict: 'ok' })
  expect(finding.facts).toEqual({
    ...{ implementation: OFFICIAL.name, version: '4.5.2', path: join(folder, SLOT), copies: 1 },
  })
  expect(finding.fix).toContain('npm pkg set')
})

test('says that clients use the drop-in', async () => {
  const { folder, ...finding } = await findingIn(program(DROP_IN, { overrides: OVERRIDE }))
  expect(finding).toMatchObject({ verdict: 'ok' })
  expect(finding.facts).toEqual({
    ...{ implementation: DROP_IN.name, version: '0.1.0', path: join(folder, SLOT), copies: 1 },
  })
  expect(finding.fix).toBeUndefined()
})

test.each([
  ['package-lock.json', { overrides: OVERRIDE }, 'npm install'],
  ['npm-shrinkwrap.json', { overrides: { '@aws-sdk/client-s3': OVERRIDE } }, 'npm install'],
  ['yarn.lock', { resolutions: OVERRIDE }, 'yarn install'],
  [
    'yarn.lock',
    { resolutions: { '**/@smithy/credential-provider-imds': 'npm:instance-role-imds@1' } },
    'yarn install',
  ],
  ['pnpm-lock.yaml', { pnpm: { overrides: OVERRIDE } }, 'pnpm install'],
])('warns about an override that %s ignores: %o', async (lockFile, manifest, command) => {
  const finding = await findingIn(program(OFFICIAL, manifest, lockFile))
  expect(finding).toMatchObject({ verdict: 'warning', facts: { implementation: OFFICIAL.name, copies: 1 } })
  expect(finding.message).toContain('The override in package.json has no effect')
  expect(finding.fix).toMatch(new RegExp(`${command}$`))
})

test.each([
  "overrides:\n  '@smithy/credential-provider-imds': npm:instance-role-imds@^0.1.0\n",
  'overrides:\n  "@smithy/credential-provider-imds": "npm:instance-role-imds@^0.1.0"\n',
  "overrides:\n  '@smithy/credential-provider-imds@4': npm:instance-role-imds@^0.1.0\n",
])('warns about an override in pnpm-workspace.yaml: %j', async (text) => {
  const files = { ...program(OFFICIAL, {}, 'pnpm-lock.yaml'), 'pnpm-workspace.yaml': text }
  const finding = await findingIn(files)
  expect(finding).toMatchObject({ verdict: 'warning', fix: 'pnpm install' })
  expect(finding.message).toContain('The override in pnpm-workspace.yaml has no effect')
})

test('ignores an override of another package', async () => {
  const overrides = { '@smithy/credential-provider-imds': '4.5.1', undici: 'npm:instance-role-imds@1' }
  expect(await findingIn(program(OFFICIAL, { overrides }))).toMatchObject({ verdict: 'ok' })
})

test('warns about two implementations, and names the folder of the one that is not replaced', async () => {
  const nested = `${CHAIN}/${SLOT}`
  const { folder, ...finding } = await findingIn({
    ...program(OFFICIAL, {
      dependencies: { '@aws-sdk/client-s3': '^3', [OFFICIAL.name]: '^4' },
      overrides: OVERRIDE,
    }),
    [`${nested}/package.json`]: DROP_IN,
  })
  expect(finding).toMatchObject({ verdict: 'warning' })
  expect(finding.facts).toEqual({
    ...{ implementation: 'several', version: '0.1.0', path: join(folder, nested), copies: 2 },
  })
  expect(finding.message).toContain(`4.5.2 in ${join(folder, SLOT)}`)
  expect(finding.fix).toMatch(/npm install$/)
})

test('accepts two copies of the drop-in, which share their credentials', async () => {
  const nested = `${CHAIN}/${SLOT}`
  const dependencies = { '@aws-sdk/client-s3': '^3', '@aws-sdk/credential-providers': '^3' }
  const finding = await findingIn({
    ...program(DROP_IN, { dependencies, overrides: OVERRIDE }),
    'node_modules/@aws-sdk/credential-providers/package.json': { dependencies: { [OFFICIAL.name]: '^4' } },
    [`${nested}/package.json`]: DROP_IN,
  })
  expect(finding).toMatchObject({ verdict: 'ok', facts: { implementation: DROP_IN.name, copies: 2 } })
})

test('searches the folders above for a program of a workspace', async () => {
  const finding = await findingIn(
    {
      ...program(OFFICIAL, { overrides: OVERRIDE, workspaces: ['app'] }),
      'app/package.json': { devDependencies: { '@aws-sdk/client-s3': '^3' } },
    },
    'app',
  )
  expect(finding).toMatchObject({ verdict: 'warning', facts: { implementation: OFFICIAL.name } })
  // npm would put the override into the package.json of the program, where it has no effect.
  expect(finding.fix).toMatch(new RegExp(`^cd '${finding.folder}' && `))
})

test('prints a command that runs in the folder of the program, wherever the doctor runs', async () => {
  const finding = await findingIn({ ...program(OFFICIAL), 'src/main.js': '' }, 'src')
  expect(finding.fix).toMatch(new RegExp(`^cd '${finding.folder}' && npm pkg set `))
})

test('ignores a lock file in a folder above that is not a workspace', async () => {
  const withoutLockFile = Object.entries(program(OFFICIAL, {}, 'main.js'))
  const app = Object.fromEntries(withoutLockFile.map(([path, content]) => [`app/${path}`, content]))
  const files = { ...app, 'yarn.lock': '', 'package.json': { overrides: OVERRIDE } }
  const { verdict, fix } = await findingIn(files, 'app')
  expect({ verdict, fix }).toEqual({ verdict: 'ok', fix: expect.stringMatching(/^npm pkg set /) as string })
})

test.each([{}, { 'package.json': { dependencies: { react: '^20' } } }, { 'package.json': '{' }])(
  'is skipped if there is no client of the AWS SDK: %o',
  async (files) => {
    const { verdict, message } = await findingIn(files)
    expect({ verdict, message }).toEqual({
      verdict: 'skipped',
      message: 'No client of the AWS SDK is installed in this folder.',
    })
  },
)

test('is skipped if only Yarn can find the packages', async () => {
  const files = {
    'package.json': { dependencies: { '@aws-sdk/client-s3': '^3' } },
    'yarn.lock': '',
    '.pnp.cjs': '',
  }
  const { verdict, message } = await findingIn(files)
  expect(verdict).toBe('skipped')
  expect(message).toContain('yarn instance-role doctor')
})

test('ends although packages depend on each other in a circle', async () => {
  const files = program(OFFICIAL)
  const circle = { dependencies: { [OFFICIAL.name]: '^4', '@aws-sdk/client-s3': '*' } }
  expect(await findingIn({ ...files, [`${CHAIN}/package.json`]: circle })).toMatchObject({
    facts: { copies: 1 },
  })
})
