import type { ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = {
  // The examples import the package by its name.
  resolve: { tsconfigPaths: true },
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    globalSetup: ['test/package/install.ts'],
    setupFiles: ['test/loopback-only.ts'],
    testTimeout: 20_000,
    // What the developer's own shell says about AWS must not decide what the tests see.
    env: {
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_REGION: 'eu-central-1',
    },
  },
}

export default config
