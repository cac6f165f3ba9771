import { availableParallelism } from 'node:os'
import type { ViteUserConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { forgetAwsSettings } from './examples/forget-aws-settings.js'

// What the developer's own shell says about AWS must not decide what the tests see.
forgetAwsSettings()

/** They replace modules, which must not reach other tests. */
const REPLACING_MODULES = ['test/model/teeth.test.ts', 'test/cli/constant-time.test.ts']

/** What only `npm run test:npm` runs: projects that npm itself installs, which takes long. */
const INSTALLED_BY_NPM = ['test/drop-in/default-chain.test.ts', 'test/drop-in/doctor.test.ts']

/** Started last, each of them would have one worker go on alone. */
const LONG = [
  'test/model/promises.test.ts',
  'test/leaks/heap.test.ts',
  'test/model/teeth.test.ts',
  'test/docs/snippets.test.ts',
]

class LongOnesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((name) => moduleId.endsWith(name))
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
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
    sequence: { sequencer: LongOnesFirst },
    // One more than there are cores: some wait for the processes that they started.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        resolve,
        test: {
          ...common,
          name: 'all',
          include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: [...REPLACING_MODULES, ...INSTALLED_BY_NPM],
          // The AWS SDK and the rest are loaded once for all files, not once for each: that is half of the time.
          isolate: false,
        },
      },
      { resolve, test: { ...common, name: 'replacing modules', include: REPLACING_MODULES } },
      { resolve, test: { ...common, name: 'npm', include: INSTALLED_BY_NPM } },
    ],
  },
}

export default config
