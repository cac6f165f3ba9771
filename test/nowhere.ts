import { fileURLToPath } from 'node:url'

/**
 * A loopback address where nobody listens. Every child process gets it unless its test gives another endpoint, so that a test
 * which forgets the endpoint never asks the real, link-local address: that of the instance the tests run on, on EC2.
 */
export const NOWHERE = { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' }

/** For a process that mocks IMDS at the address of every instance. */
export const MOCKED_ADDRESS: Readonly<Record<string, string>> = {
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://169.254.169.254',
  NODE_OPTIONS: `--require=${fileURLToPath(new URL('loopback-sockets.cjs', import.meta.url))}`,
}
