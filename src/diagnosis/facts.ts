import type { InstanceRoleConfig } from '../config/config.js'
import { type ErrorNames, InstanceRoleError } from '../errors.js'
import type { DefaultChain } from './default-chain.js'
import type { SentRequest } from './request-log.js'

/**
 * Everything that the doctor knows about the process, its surroundings and IMDS. Instants are epoch milliseconds. It contains no
 * secret.
 */
export interface Facts {
  readonly settings: InstanceRoleConfig | InstanceRoleError
  readonly surroundings: Surroundings
  /** `undefined` if it was not examined. */
  readonly defaultChain: DefaultChain | undefined
  /** `undefined` if IMDS was not asked. */
  readonly imds: ImdsFacts | undefined
  /** The longest time for which the event loop of this process was blocked during the examination. */
  readonly blockedMs: number
}

/** What the environment, the AWS config files and the firmware say. */
export interface Surroundings {
  readonly profile: string
  /** Why a config or credentials file cannot be used. */
  readonly fileWarnings: readonly string[]
  /** The variables that hold access keys. Empty if the key ID or its secret is missing. */
  readonly keyVariables: readonly string[]
  /** `AWS_ACCESS_KEY_ID` or `AWS_SECRET_ACCESS_KEY`, if only one of them is set. */
  readonly loneKeyVariable: string | undefined
  /** The file that has access keys for the profile. */
  readonly keyFile: KeyFile | undefined
  /** The variables of ECS and EKS that give this process other credentials. */
  readonly otherSources: readonly string[]
  /** The variables that name a proxy for requests to the endpoint. Their values are left out, because they can contain a password. */
  readonly proxyVariables: readonly string[]
  /** Those of `no_proxy` and `NO_PROXY` that are set and do not exempt IMDS. */
  readonly noProxyVariables: readonly string[]
  /** The hosts that such a variable must list. */
  readonly imdsHosts: readonly string[]
  /** The instance ID from the firmware, on EC2 only. */
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
  /** Longest wait for one response. */
  readonly timeoutMs: number
  /** The result of one load, which is the same as the provider's. */
  readonly load: RoleFacts | InstanceRoleError
  /** The requests of the load only. */
  readonly requests: readonly SentRequest[]
  /** The role that IMDS lists, if its credentials could not be loaded. */
  readonly listedRole: string | undefined
  /** The response to a request without a metadata token: data, 401, or neither. */
  readonly v1: 'open' | 'closed' | 'unknown'
  /** Whether that request got any response. The hop limit only stops the response to the token request. */
  readonly answersWithoutToken: boolean
  readonly instanceProfile: InstanceProfileFacts | undefined
  readonly region: string | undefined
  readonly instanceId: string | undefined
  readonly launchedAt: number | undefined
  /** Whether IMDS answers at its other address. `undefined` if that was not tried. */
  readonly otherAddress: { readonly endpoint: string; readonly answers: boolean } | undefined
  /** When the responses had arrived. */
  readonly answeredAt: number
  /** How far the clock of IMDS is ahead of the host's. `undefined` if unknown. */
  readonly clockOffsetMs: number | undefined
}

export interface RoleFacts {
  readonly roleName: string
  readonly expiresAt: number
  readonly clockOffsetMs: number | undefined
}

/** The facts in `GET /latest/meta-data/iam/info`. */
export interface InstanceProfileFacts {
  readonly name: string
  readonly code: string | undefined
  readonly lastUpdatedAt: number | undefined
}

/** Whether an instance profile is attached: IMDS names it, or lists its roles, even if there are none. */
export function isProfileAttached({ instanceProfile, load }: ImdsFacts): boolean {
  return instanceProfile !== undefined || (load instanceof InstanceRoleError && load.statusCode !== 404)
}

/** The known names. The instance ID from IMDS takes precedence over the firmware's. */
export function namesIn({ imds, surroundings }: Facts): ErrorNames {
  return {
    region: imds?.region,
    instanceId: imds?.instanceId ?? surroundings.firmwareInstanceId,
    profileName: imds?.instanceProfile?.name,
    roleName: imds?.listedRole,
    endpoint: imds?.endpoint,
  }
}
