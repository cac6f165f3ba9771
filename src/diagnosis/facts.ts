import type { InstanceRoleConfig } from '../config/config.js'
import type { InstanceRoleError } from '../errors.js'
import type { DefaultChain } from './default-chain.js'
import type { SentRequest } from './request-log.js'

/** All that is known about the process, its surroundings and IMDS; instants are epoch milliseconds. No secret is in it. */
export interface Facts {
  readonly settings: InstanceRoleConfig | InstanceRoleError
  readonly surroundings: Surroundings
  /** `undefined` where nobody looked. */
  readonly defaultChain: DefaultChain | undefined
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
  /** The variables that hold access keys; none where the key ID or its secret is missing, which is no access key. */
  readonly keyVariables: readonly string[]
  /** `AWS_ACCESS_KEY_ID` or `AWS_SECRET_ACCESS_KEY` where it is set without the other. */
  readonly loneKeyVariable: string | undefined
  /** The file that holds access keys for the profile. */
  readonly keyFile: KeyFile | undefined
  /** The variables that give this process other credentials, as ECS and EKS set them. */
  readonly otherSources: readonly string[]
  /** The variables that name a proxy for requests to the endpoint; a proxy's address can hold a password, and is left out. */
  readonly proxyVariables: readonly string[]
  /** Of `no_proxy` and `NO_PROXY`, those that are set and do not exempt IMDS. */
  readonly noProxyVariables: readonly string[]
  /** What such a variable has to list. */
  readonly imdsHosts: readonly string[]
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
  /** Longest wait for one answer. */
  readonly timeoutMs: number
  /** What one load, the same as the provider's, came to. */
  readonly load: RoleFacts | InstanceRoleError
  /** The requests of the load, and no other. */
  readonly requests: readonly SentRequest[]
  /** The role that IMDS lists, where its credentials cannot be had. */
  readonly listedRole: string | undefined
  /** What a request without a metadata token met: the data, 401, or neither. */
  readonly v1: 'open' | 'closed' | 'unknown'
  /** Whether that request had an answer at all; the hop limit only keeps the answer to the token request away. */
  readonly answersWithoutToken: boolean
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
  readonly clockOffsetMs: number | undefined
}

/** What `GET /latest/meta-data/iam/info` tells. */
export interface InstanceProfileFacts {
  readonly name: string
  readonly code: string | undefined
  readonly lastUpdatedAt: number | undefined
}
