import type { Mock, Runner, Support } from './mock-support.js'

/** The mock in `programs/mocks/cells.cjs`. */
const TOOL_OF: Readonly<Record<Mock, string>> = {
  'instance.listen()': 'listen',
  'instance.dispatcher': 'dispatcher',
  'msw 2': 'msw',
  'msw 3': 'msw',
  'nock 14': 'nock',
  'undici MockAgent': 'MockAgent',
}

/** The file that has the Jest configuration of docs/testing.md, beside the folder `mocks`. */
export const JEST_CONFIG = 'jest-of-the-docs.config.js'

export interface MockRun {
  /** Of Node, in a folder that has the programs of `programs/mocks` in `mocks`. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** How a runner runs the tests of some mocks, in one process. */
export function mockRun(mocks: readonly Mock[], runner: Runner, support: Support): MockRun {
  const [name = '', environment = ''] = runner.split(', ')
  const tools = mocks.map((mock) => TOOL_OF[mock]).join(',')
  return { args: argsOf(name, environment, support), env: { TOOLS: tools, NO_COLOR: '1' } }
}

function argsOf(name: string, environment: string, support: Support): string[] {
  if (name === 'node:test') return ['--test', '--test-reporter=tap', 'mocks/in-node.test.mjs']
  if (name === 'vitest') {
    const options = ['--environment', environment, '--reporter=tap-flat', '--testTimeout=30000']
    return ['node_modules/vitest/vitest.mjs', 'run', ...options, 'mocks/in-vitest.test.mjs']
  }
  const flags = support === 'flag' ? ['--experimental-vm-modules'] : []
  // What is said not to work does not work with the configuration either.
  const config = support === 'yes' || support === 'flag' ? '{}' : JEST_CONFIG
  const options = ['--env', environment, '--config', config, '--verbose', '--testTimeout=30000']
  return [...flags, 'node_modules/jest/bin/jest.js', ...options, '--testMatch', '**/in-jest.test.cjs']
}

/** How many tests of the mock passed, in TAP or as Jest prints it. */
export function countPassed(mock: Mock, output: string): number {
  const passed = output.split('\n').filter((line) => /^ *(ok \d+ - |✓ )/.test(line))
  return passed.filter((line) => line.includes(` ${TOOL_OF[mock]} `)).length
}

/** As many as `cellsOf` gives. */
export const TESTS_OF_A_MOCK = 3
