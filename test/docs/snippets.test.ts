// Fails if a reader copies a block of README or of a page that does not compile, or does not run, with the published package.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { emulateInstance } from '../../src/testing/index.js'
import { startVerifyingAwsEndpoint } from '../../examples/emulated-aws/verifying-aws-endpoint.js'
import { createPackedProject, type PackedProject } from './packed-project.js'
import { type Snippet, SNIPPETS } from './snippets.js'

const TOOLS = [
  '@ai-sdk/amazon-bedrock',
  '@aws-crypto/sha256-js',
  '@aws-sdk/client-dynamodb',
  '@aws-sdk/client-s3',
  '@aws-sdk/client-sts',
  '@aws-sdk/credential-providers',
  '@aws-sdk/rds-signer',
  '@aws-sdk/s3-request-presigner',
  '@aws-sdk/types',
  '@jest/globals',
  '@nestjs/common',
  '@opensearch-project/opensearch',
  '@smithy/signature-v4',
  '@types/node',
  '@types/pg',
  'msw',
  'nock',
  'pg',
  'prom-client',
  'typescript',
  'undici',
  'vitest',
]

/** Blocks that are whole files, by who runs them. */
const RUN_ELSEWHERE = {
  'docs/testing.md': 'testing-recipes.test.ts',
  'docs/getting-started.md': 'new-user.test.ts',
  'README.md': 'new-user.test.ts',
}

const programs = SNIPPETS.filter(({ language }) => language === 'ts' || language === 'js')
const compiled = programs.filter(({ mark }) => mark?.startsWith('elsewhere') !== true)
const runnable = compiled.filter(({ fileName, mark }) => fileName === undefined && mark === undefined)

// A compiler that reads the declarations of five AWS clients, on a machine that has other tests to run.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

let project: PackedProject
let compilation: { status: number; output: string }

/** Where a block's file is: a page is a folder, so that blocks with names find each other. */
function pathOf({ page, line, language, fileName }: Snippet): string {
  return `${page.replace(/\W/g, '-')}/${fileName ?? `line-${line}.m${language}`}`
}

beforeAll(async () => {
  project = await createPackedProject(TOOLS)
  await project.write('package.json', JSON.stringify({ private: true, type: 'commonjs' }))
  for (const one of compiled) await project.write(pathOf(one), one.text)
  // What the guide's own user has, where a block is for ES modules.
  await project.write('docs-getting-started-md/package.json', JSON.stringify({ type: 'module' }))
  const compilerOptions = {
    ...{ target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable', 'DOM'], module: 'NodeNext', types: ['node'] },
    ...{ strict: true, exactOptionalPropertyTypes: true, allowJs: true, checkJs: true, skipLibCheck: true },
    ...{ rootDir: '.', outDir: 'out' },
  }
  await project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: compiled.map(pathOf) }))
  compilation = await project.node(['node_modules/typescript/bin/tsc', '-p', '.'])
})
afterAll(() => project.remove())

test('every block compiles in a strict project', () => {
  expect(compiled.length).toBeGreaterThan(20)
  expect(compilation).toEqual({ status: 0, output: '\n' })
})

const RUN_ALL = `
import { resetInstanceRole } from 'instance-role/testing'
for (const path of process.argv.slice(2)) {
  const outcome = await import('./out/' + path).then(() => 'ran', String)
  resetInstanceRole()
  process.stderr.write(JSON.stringify([path, outcome]) + '\\n')
}
`

test('every block that is not a file runs on an emulated instance, with an AWS that checks signatures', async () => {
  await using instance = emulateInstance({ tags: { Name: 'app' } })
  const server = await instance.listen()
  const aws = await startVerifyingAwsEndpoint({ findCredentials: (key) => instance.findCredentials(key) })
  const paths = runnable.map((one) => pathOf(one).replace(/ts$/, 'js'))
  const env = { ...server.env, AWS_ENDPOINT_URL: aws.url, AWS_REGION: 'eu-central-1' }
  await project.write('run-all.mjs', RUN_ALL)

  const { status, output } = await project.node(['run-all.mjs', ...paths], env)

  await aws.close()
  const outcomes = output.match(/^\[".*"\]$/gm)?.map((line): unknown => JSON.parse(line))
  expect(outcomes).toEqual(paths.map((path) => [path, 'ran']))
  expect(status).toBe(0)
  expect(instance.requests.length).toBeGreaterThan(10)
})

test('a block that does not run says why, and files are only on pages whose files run', () => {
  const marked = programs.filter(({ mark }) => mark !== undefined)
  for (const { mark } of marked) expect(mark).toMatch(/^(not run|elsewhere), \w.{10,}/)
  const pages = programs.filter(({ fileName }) => fileName !== undefined).map(({ page }) => page)
  expect(new Set(pages)).toEqual(new Set(Object.keys(RUN_ELSEWHERE)))
})

test('every JSON and YAML block can be read', () => {
  const data = SNIPPETS.filter(({ language }) => language === 'json' || language === 'yaml')
  expect(data.length).toBeGreaterThan(1)
  for (const { language, text } of data) {
    const value: unknown = language === 'json' ? JSON.parse(text) : parseYaml(text, { logLevel: 'error' })
    expect(value).toBeTypeOf('object')
  }
})
