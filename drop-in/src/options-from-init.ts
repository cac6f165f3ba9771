import type { InstanceRoleOptions } from 'instance-role'
import type { RemoteProviderInit } from 'official-imds'

/** The chain keeps a set of credentials until 5 min before its expiration: what it is given must be newer than that. */
const CHAIN_ASKS_BEFORE_END_MS = 300_000

/**
 * What `fromInstanceRole` is told. In the default chain, `init` is the whole configuration of a client: its `endpoint` is that of
 * S3, and so on, so nothing is taken but what the official provider documents.
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

/** 0 and infinity mean "no limit" to the official provider; here there always is one. */
function isLimit(timeout: number | undefined): boolean {
  return timeout !== 0 && timeout !== Infinity
}

/** IMDSv1 only for those who say that they want it; by default the official provider falls back to it. */
function allowsV1(init: RemoteProviderInit): boolean {
  const { ec2MetadataV1Disabled } = init
  if (ec2MetadataV1Disabled !== undefined) return !ec2MetadataV1Disabled
  return 'imdsV1Fallback' in init && init.imdsV1Fallback === true
}

/** The SDK takes a logger that lacks a method for as long as it does not call it. */
function isWholeLogger(logger: object | undefined): boolean {
  if (typeof logger !== 'object') return false
  return ['debug', 'info', 'warn', 'error'].every((name) => typeof Reflect.get(logger, name) === 'function')
}
