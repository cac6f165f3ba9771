import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { snippetsOf } from '../docs/snippets.js'
import type { Check } from './check.js'
import { runCommand } from './child-process.js'
import { countPassed, JEST_CONFIG, mockRun, TESTS_OF_A_MOCK } from './mock-run.js'
import { type Mock, MOCKS, type Runner, RUNNERS, type Support, supportOf } from './mock-support.js'
import { installedVersion } from './npm.js'
import { NODE } from './platform.js'
import type { Workbench } from './workbench.js'

const TOOLS = [
  ...['vitest@4.1.12', 'jsdom@26.1.0', 'happy-dom@20.14.6', 'nock@14.0.17', 'undici@7.30.2'],
  ...['jest@30.5.2', 'jest-environment-jsdom@30.5.2', 'jest-fixed-jsdom@0.0.11'],
  '@babel/plugin-transform-modules-commonjs@7.29.14',
]
const WITH_MSW_2 = [...TOOLS, 'msw@2.15.0']
const WITH_MSW_3 = [...TOOLS, 'msw@3.0.5']
const JEST_29 = ['jest@29.7.0', 'jest-environment-jsdom@29.7.0']

/** Each cell of the table in docs/testing.md, whatever it says; and an older jsdom. */
export function mockChecks(workbench: Workbench): Check[] {
  const projects = new Map<string, Promise<string>>()
  /** The configuration is written once: several runners read it at a time. */
  const projectWith = (msw: 2 | 3): Promise<string> => {
    const name = `mocks-with-msw-${msw}`
    const known = projects.get(name) ?? prepare(workbench, name, msw === 3 ? WITH_MSW_3 : WITH_MSW_2)
    projects.set(name, known)
    return known
  }
  const cells = MOCKS.flatMap((mock) =>
    RUNNERS.map((runner) => ({
      section: 'mocks',
      subject: `${mock} in ${runner}`,
      prove: () => proveCell(workbench, projectWith, mock, runner),
    })),
  )
  return [...cells, ...jest29Checks(workbench)]
}

function jest29Checks(workbench: Workbench): Check[] {
  const mocks: readonly Mock[] = ['instance.listen()', 'instance.dispatcher']
  return mocks.map((mock) => ({
    section: 'mocks',
    subject: `${mock} in Jest 29, jest-environment-jsdom`,
    prove: async () => {
      const project = await workbench.project('jest-29', JEST_29)
      await proveIn(project, process.execPath, mock, 'Jest, jest-environment-jsdom', 'yes')
      return `Jest ${await installedVersion(project, 'jest')}`
    },
  }))
}

async function prepare(workbench: Workbench, name: string, packages: readonly string[]): Promise<string> {
  const project = await workbench.project(name, packages)
  await writeFile(join(project, JEST_CONFIG), jestConfigOfTheDocs())
  return project
}

async function proveCell(
  workbench: Workbench,
  projectWith: (msw: 2 | 3) => Promise<string>,
  mock: Mock,
  runner: Runner,
): Promise<string> {
  const isMsw3 = mock === 'msw 3'
  const project = await projectWith(isMsw3 ? 3 : 2)
  // msw 3 needs Node 22; in Jest, Node 24.9.
  const executable = isMsw3 ? await workbench.executable(NODE, '24') : process.execPath
  const support = supportOf(mock, runner)
  await proveIn(project, executable, mock, runner, support)
  return support === 'no' ? 'does not load, as docs/testing.md says' : support
}

/** @throws with the output of the runner where that is not what the table says */
async function proveIn(
  cwd: string,
  executable: string,
  mock: Mock,
  runner: Runner,
  support: Support,
): Promise<void> {
  const run = mockRun([mock], runner, support)
  const { code, stdout, stderr } = await runCommand({ executable, cwd, ...run, timeLimitMs: 180_000 })
  const output = `${stdout}${stderr}`
  const isAsSaid =
    support === 'no'
      ? code !== 0 && countPassed(mock, output) === 0 && / is not defined|ES Module/.test(output)
      : code === 0 && countPassed(mock, output) === TESTS_OF_A_MOCK
  if (!isAsSaid)
    throw new Error(`expected ${support}, and ${TESTS_OF_A_MOCK} tests where it works\n${output}`)
}

/** The block that the page prints, as it is. */
function jestConfigOfTheDocs(): string {
  const block = snippetsOf('docs/testing.md').find(({ text }) => text.includes('transformIgnorePatterns'))
  if (block === undefined) throw new Error('docs/testing.md has no Jest configuration')
  return block.text
}
