import { fileURLToPath } from 'node:url'

/**
 * A loopback address where nobody listens. Child processes use it unless their test sets an endpoint, so that a test that forgets
 * the endpoint never reaches the IMDS of the machine that runs it.
 */
export const NOWHERE = { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' }

/** For a process that mocks IMDS at its default address. */
export const MOCKED_ADDRESS: Readonly<Record<string, string>> = {
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://169.254.169.254',
  NODE_OPTIONS: `--require=${fileURLToPath(new URL('loopback-sockets.cjs', import.meta.url))}`,
}
