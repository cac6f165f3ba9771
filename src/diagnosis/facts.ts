import type { InstanceRoleConfig } from '../config/config.js'
import type { InstanceRoleError } from '../errors.js'
import type { SentRequest } from './request-log.js'

/** All that is known about the process, its surroundings and IMDS; instants are epoch milliseconds. No secret is in it. */
export interface Facts {
  readonly settings: InstanceRoleConfig | InstanceRoleError
  readonly surroundings: Surroundings
  /** `undefined` where IMDS was not asked. */
  readonly imds: ImdsFacts | undefined
  /** The longest time for which the event loop of this process was held up meanwhile. */
  readonly blockedMs: number
}

/** What the environment, the files of the AWS SDKs and the firmware say. */
export interface Surroundings {
  readonly profile: string
  /** What keeps a config or credentials file from being used. */
  readonly fileWarnings: readonly string[]
  /** The variables that hold access keys. */
  readonly keyVariables: readonly string[]
  /** The file that holds access keys for the profile. */
  readonly keyFile: KeyFile | undefined
  /** The variables that give this process other credentials, as ECS and EKS set them. */
  readonly otherSources: readonly string[]
  /** The variables that name a proxy for requests to the endpoint; a proxy's address can hold a password, and is left out. */
  readonly proxyVariables: readonly string[]
  /** The instance's ID as the firmware has it, on EC2 only. */
  readonly firmwareInstanceId: string | undefined
}

export interface KeyFile {
  readonly path: string
  /** The header of the profile's section, without brackets. */
  readonly section: string
}

/** What IMDS said. */
export interface ImdsFacts {
  readonly endpoint: string
  /** What one load, the same as the provider's, came to. */
  readonly load: RoleFacts | InstanceRoleError
  /** Every request, with those that were made beside the load. */
  readonly requests: readonly SentRequest[]
  /** The role that IMDS lists, where its credentials cannot be had. */
  readonly listedRole: string | undefined
  /** What a request without a metadata token met. */
  readonly v1: 'open' | 'closed' | 'unknown'
  readonly instanceProfile: InstanceProfileFacts | undefined
  readonly region: string | undefined
  readonly instanceId: string | undefined
  readonly launchedAt: number | undefined
  /** Whether the address of IMDS that is not in use answers; `undefined` where it was not tried. */
  readonly otherAddress: { readonly endpoint: string; readonly answers: boolean } | undefined
  /** When the answers were in. */
  readonly answeredAt: number
  /** How far the clock of IMDS is ahead of the host's; `undefined` where no answer told. */
  readonly clockOffsetMs: number | undefined
}

export interface RoleFacts {
  readonly roleName: string
  readonly expiresAt: number
}

/** What `GET /latest/meta-data/iam/info` tells. */
export interface InstanceProfileFacts {
  readonly name: string
  readonly code: string | undefined
  readonly lastUpdatedAt: number | undefined
}
