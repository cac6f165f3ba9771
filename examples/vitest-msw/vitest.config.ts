import type { ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = {
  // Only in this repository: resolves 'instance-role' to its source.
  resolve: { tsconfigPaths: true },
  // The developer's own AWS settings must not change the tests.
  test: { env: { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' } },
}

export default config
