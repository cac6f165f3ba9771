import { availableParallelism } from 'node:os'
import type { ViteUserConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { forgetAwsSettings } from './examples/forget-aws-settings.js'

// What the developer's own shell says about AWS must not decide what the tests see.
forgetAwsSettings()

/**
 * What `npm run test:long` runs, and `npm test` does not: other tools (npm, compilers, Jest, bundlers, the AWS CLI), the behaviour of
 * AWS's own provider, processes with unusual limits or globals, and experiments of a minute.
 */
const LONG = [
  'test/cli/aws-cli-and-botocore.test.ts',
  'test/cli/closed-pipes.test.ts',
  'test/cli/emulate-assume-role.test.ts',
  'test/docs/architecture.test.ts',
  'test/docs/comparison.test.ts',
  'test/docs/new-user.test.ts',
  'test/docs/snippets.test.ts',
  'test/docs/testing-recipes.test.ts',
  'test/drop-in/default-chain.test.ts',
  'test/drop-in/doctor.test.ts',
  'test/examples/jest-commonjs.test.ts',
  'test/examples/programs.test.ts',
  'test/leaks/heap.test.ts',
  'test/model/teeth.test.ts',
  'test/package/frozen-globals.test.ts',
  'test/package/global-fetch.test.ts',
  'test/package/jest-and-bundles.test.ts',
  'test/package/loading.test.ts',
  'test/package/parser-flags.test.ts',
  'test/package/release.test.ts',
  'test/package/restricted-processes.test.ts',
  'test/package/types.test.ts',
  'test/simulation/a-fleet.test.ts',
  'test/testing/mocks.test.ts',
]

/** Replaces a module of Node, which must not reach other tests. */
const REPLACING_MODULES = ['test/cli/constant-time.test.ts']

/** If they started last, one worker would run alone at the end. */
const FIRST = ['test/model/promises.test.ts', 'test/cli/doctor.test.ts', 'test/cli/exec.test.ts']

class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isFirst = ({ moduleId }: TestSpecification): boolean =>
      FIRST.some((name) => moduleId.endsWith(name))
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))]
  }
}

const common = {
  setupFiles: ['test/loopback-only.ts', 'test/nothing-shared.ts'],
  testTimeout: 20_000,
  env: { AWS_REGION: 'eu-central-1' },
}

/** The examples import the package by its name. */
const resolve = { tsconfigPaths: true }

const config: ViteUserConfig = {
  test: {
    globalSetup: ['test/package/install.ts'],
    sequence: { sequencer: SlowestFirst },
    // One more than there are cores: some wait for the processes that they started.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        resolve,
        test: {
          ...common,
          name: 'all',
          include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: [...REPLACING_MODULES, ...LONG],
          // The AWS SDK and the rest are loaded once for all files, not once for each: that is half of the time.
          isolate: false,
        },
      },
      { resolve, test: { ...common, name: 'replacing modules', include: REPLACING_MODULES } },
      { resolve, test: { ...common, name: 'long', include: LONG } },
    ],
  },
}

export default config
