import type { InstanceRoleOptions } from 'instance-role'
import type { RemoteProviderInit } from 'official-imds'

/** The chain caches credentials until 5 min before they expire, so the ones it is given must be valid for longer. */
const CHAIN_ASKS_BEFORE_END_MS = 300_000

/**
 * Returns the options for `fromInstanceRole`. In the default chain, `init` is the whole configuration of a client, with the
 * `endpoint` of S3 for example, so only the documented options of the official provider are read.
 */
export function optionsFrom(init: RemoteProviderInit): InstanceRoleOptions {
  const { timeout, maxRetries, profile, logger } = init
  return {
    minTtl: CHAIN_ASKS_BEFORE_END_MS,
    timeout: isLimit(timeout) ? timeout : undefined,
    retries: maxRetries === Infinity ? undefined : maxRetries,
    profile: profile === '' ? undefined : profile,
    logger: isWholeLogger(logger) ? logger : undefined,
    imdsV1Fallback: allowsV1(init),
  }
}

/** To the official provider, 0 and infinity mean "no limit"; here there is always a limit. */
function isLimit(timeout: number | undefined): boolean {
  return timeout !== 0 && timeout !== Infinity
}

/** IMDSv1 is used only if it is asked for. The official provider uses it by default. */
function allowsV1(init: RemoteProviderInit): boolean {
  const { ec2MetadataV1Disabled } = init
  if (ec2MetadataV1Disabled !== undefined) return !ec2MetadataV1Disabled
  return 'imdsV1Fallback' in init && init.imdsV1Fallback === true
}

/** The SDK accepts a logger without all methods, as long as it does not call the missing ones. */
function isWholeLogger(logger: object | undefined): boolean {
  if (typeof logger !== 'object') return false
  return ['debug', 'info', 'warn', 'error'].every((name) => typeof Reflect.get(logger, name) === 'function')
}
