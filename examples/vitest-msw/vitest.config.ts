import type { ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = {
  // Within this repository only: has 'instance-role' found in its source.
  resolve: { tsconfigPaths: true },
  // What the developer's own shell says about AWS must not decide what the tests see.
  test: { env: { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' } },
}

export default config
