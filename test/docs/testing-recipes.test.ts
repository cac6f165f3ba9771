// Fails if a new user copies a recipe of docs/testing.md which does not work with the package as it is published.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { MOCKED_ADDRESS } from '../nowhere.js'
import { createPackedProject, type PackedProject } from './packed-project.js'

const GUIDE = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8')
const TOOLS = ['@aws-sdk/credential-providers', '@jest/globals', 'jest', 'msw', 'nock', 'undici', 'vitest']

const VITEST = 'node_modules/vitest/vitest.mjs'
const JEST = 'node_modules/jest/bin/jest.js'

/** The files of the guide: a block's first line is a comment that says its name. */
const FILES = new Map(
  [...GUIDE.matchAll(/^```(?:ts|js)\n\/\/ (\S+)\n(.*?)^```$/gms)].map(([, name = '', text = '']) => [
    name,
    text,
  ]),
)

// Three test runners at a time, on a machine that has other tests to run.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let project: PackedProject

beforeAll(async () => {
  project = await createPackedProject(TOOLS)
  await project.write('package.json', JSON.stringify({ name: 'new-user', private: true, type: 'commonjs' }))
  for (const [name, text] of FILES) await project.write(name, text)
})
afterAll(() => project.remove())

/** Tests that passed and failed, as the runner's JSON report counts them. */
async function report(args: readonly string[]): Promise<unknown> {
  const { output } = await project.node(args, MOCKED_ADDRESS)
  const [json] = /^\{.*\}$/m.exec(output) ?? []
  if (json === undefined) throw new Error(output)
  const { numPassedTests, numFailedTests } = JSON.parse(json) as Record<string, unknown>
  return { passed: numPassedTests, failed: numFailedTests, ...(numFailedTests !== 0 && { output }) }
}

function testsIn(...names: readonly string[]): number {
  const texts = names.map((name) => FILES.get(name) ?? '')
  return texts.flatMap((text) => text.match(/^test\(/gm) ?? []).length
}

test('has a file for each recipe', () => {
  expect([...FILES.keys()]).toEqual([
    'instance-role.test.ts',
    'credentials.test.js',
    'program.mjs',
    'program.test.mjs',
    'nock.test.ts',
    'mock-agent.test.ts',
    'company-credentials.ts',
    'company-credentials.test.ts',
    'clock.test.ts',
  ])
})

test.concurrent('the vitest recipes pass', async ({ expect }) => {
  const names = [
    ...['instance-role.test.ts', 'nock.test.ts', 'mock-agent.test.ts'],
    ...['company-credentials.test.ts', 'clock.test.ts'],
  ]
  const args = [VITEST, 'run', '--reporter=json', ...names]
  expect(await report(args)).toEqual({ passed: testsIn(...names), failed: 0 })
})

test.concurrent('the Jest recipe passes', async ({ expect }) => {
  const name = 'credentials.test.js'
  expect(await report([JEST, '--json', name])).toEqual({ passed: testsIn(name), failed: 0 })
})

test.concurrent('the node:test recipe passes', async ({ expect }) => {
  const { status, output } = await project.node(['--test', '--test-reporter=tap', 'program.test.mjs'])
  expect(output).toContain(`# pass ${testsIn('program.test.mjs')}\n`)
  expect(status).toBe(0)
})
