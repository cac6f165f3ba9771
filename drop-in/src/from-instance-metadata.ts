import { fromInstanceRole, InstanceRoleError } from 'instance-role'
import type { fromInstanceMetadata as official } from 'official-imds'
import { isLastLink } from './default-chain.js'
import { optionsFrom } from './options-from-init.js'

/**
 * Returns the credentials of the IAM role of this EC2 instance, from `fromInstanceRole` of `instance-role`.
 *
 * Only `timeout`, `maxRetries`, `profile`, `logger`, `ec2MetadataV1Disabled` and `imdsV1Fallback` of `init` are read.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`, at once, for a malformed option
 */
export const fromInstanceMetadata: typeof official = (init = {}) => {
  const provider = fromInstanceRole(optionsFrom(init))
  if (!isLastLink(init)) return provider
  return () => provider().catch(endChain)
}

/**
 * Makes the chain reject with this error, which says what is wrong, instead of "Could not load credentials from any providers". Off
 * EC2, that sentence is true and is kept. The error belongs to this call only.
 */
function endChain(error: unknown): never {
  const isOffEc2 = error instanceof InstanceRoleError && error.code === 'UNREACHABLE'
  if (error instanceof InstanceRoleError && !isOffEc2) Object.assign(error, { tryNextLink: false })
  throw error
}
