// The cells of the table in docs/testing.md that cost little: with the packed package, in the two runners that need no set-up.
// `npm run matrix -- mocks` runs all of them.
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, test, vi } from 'vitest'
import { createPackedProject, type PackedProject } from '../docs/packed-project.js'
import { countPassed, mockRun, TESTS_OF_A_MOCK } from '../matrix/mock-run.js'
import { MOCKS, supportOf } from '../matrix/mock-support.js'

// Two test runners at a time, on a machine that has other tests to run.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let project: PackedProject
beforeAll(async () => {
  project = await createPackedProject(['msw', 'nock', 'undici', 'vitest'])
  await cp(new URL('../matrix/programs/mocks', import.meta.url), join(project.folder, 'mocks'), {
    recursive: true,
  })
})
afterAll(() => project.remove())

const cheap = MOCKS.filter((mock) => mock !== 'msw 3')

test.concurrent.for(['node:test', 'vitest, node'] as const)(
  'every mock that needs no set-up mocks IMDS in %s',
  async (runner, { expect }) => {
    expect(cheap.map((mock) => supportOf(mock, runner))).toEqual(cheap.map(() => 'yes'))
    const { args, env } = mockRun(cheap, runner, 'yes')
    const { status, output } = await project.node(args, env)
    const passed = cheap.map((mock) => [mock, countPassed(mock, output)])
    expect(passed, output).toEqual(cheap.map((mock) => [mock, TESTS_OF_A_MOCK]))
    expect(status).toBe(0)
  },
)
