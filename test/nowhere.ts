/**
 * A loopback address where nobody listens. Every child process gets it unless its test gives another endpoint, so that a test
 * which forgets the endpoint never asks the real, link-local address: that of the instance the tests run on, on EC2.
 */
export const NOWHERE = { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' }
