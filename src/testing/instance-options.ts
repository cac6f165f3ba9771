import type { Clock } from './clock.js'
import type { GivenCredentials } from './credentials-renewal.js'
import { EXAMPLE_ACCOUNT_ID, type IamRole, type InstanceProfile } from './iam-model.js'
import { LONGEST_TTL_SECONDS } from './metadata-tokens.js'

/** The instance metadata options that can be modified while an instance runs, and the distance of its client. */
export interface MetadataOptions {
  /**
   * Whether requests need a metadata token (IMDSv2 only), or can come without one (IMDSv1 as well).
   *
   * @default 'required'
   */
  readonly httpTokens: 'required' | 'optional'
  /**
   * `HttpPutResponseHopLimit`: the response to the token request reaches a client that is fewer hops away than this.
   *
   * @default 1
   */
  readonly hopLimit: number
  /**
   * Number of routers between the client and the instance: 0 on the instance itself, 1 in a container behind a bridge.
   *
   * @default 0
   */
  readonly hopsAway: number
  /**
   * `HttpEndpoint`: whether the metadata service is enabled.
   *
   * @default true
   */
  readonly metadataEnabled: boolean
  /**
   * Longest life of a metadata token, in seconds, whatever the request asks for.
   *
   * @default 21600
   */
  readonly tokenTtlCap: number
}

/** How the instance gets its credentials. */
interface CredentialsOptions {
  /**
   * Name of the role in the instance profile.
   *
   * @default 'app-role'
   */
  readonly roleName: string
  /**
   * Name of the associated instance profile. By default it differs from the role's name, as when the two are created separately.
   *
   * @default 'app-profile'
   */
  readonly instanceProfileName: string
  /**
   * Life of the credentials, in milliseconds, rounded down to whole seconds.
   *
   * @default 21600000 (6 hours)
   */
  readonly lifetimeMs: number
  /**
   * Time between two renewals of the credentials, in milliseconds. IMDS has new credentials at least five minutes before the old ones
   * expire, whatever this time is; if they live less than ten minutes, after half of their life.
   *
   * @default 3600000 (1 hour)
   */
  readonly renewEveryMs: number
  /**
   * When IMDS shows that the profile's role or its trust policy has changed: `'at-once'`, which is convenient for tests, or
   * `'at-renewal'`, with the next renewal of the credentials, as EC2 does.
   *
   * @default 'at-once'
   * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html
   */
  readonly roleChanges: 'at-once' | 'at-renewal'
  /**
   * Whether IMDS has `iam/security-credentials-extended`, whose documents contain an `AccountId`.
   *
   * @default false
   */
  readonly extendedCredentials: boolean
}

/** The instance that IMDS describes. */
interface DescriptionOptions {
  /** @default '123456789012' */
  readonly accountId: string
  /** @default 'i-0123456789abcdef0' */
  readonly instanceId: string
  /** @default 'm7i.large' */
  readonly instanceType: string
  /** @default 'ami-0123456789abcdef0' */
  readonly imageId: string
  /** @default 'eu-central-1' */
  readonly region: string
  /** @default the first of the region */
  readonly availabilityZone: string
  /** @default '10.0.0.10' */
  readonly privateIp: string
  /** @default '02:00:00:00:00:01' */
  readonly mac: string
  /**
   * The instance's tags. Without tags, the metadata has no `tags`.
   *
   * @default none
   */
  readonly tags: Readonly<Record<string, string>>
}

/** All settings of an emulated instance, resolved. */
export type Settings = MetadataOptions &
  CredentialsOptions &
  DescriptionOptions &
  Pick<InstanceOptions, UndefaultedOption>

type UndefaultedOption = 'profile' | 'userData' | 'issueCredentials' | 'onRequest'

/** Options of `emulateInstance`. */
export interface InstanceOptions extends Partial<MetadataOptions & CredentialsOptions & DescriptionOptions> {
  /**
   * The instance profile at launch, made with `instanceProfile`. `roleName` and `instanceProfileName` are then ignored.
   *
   * @default a profile named `instanceProfileName`, with a role named `roleName`
   */
  readonly profile?: InstanceProfile
  /** @default none */
  readonly userData?: string
  /**
   * Returns the credentials that STS issues for the role at each renewal (`rotate()` renews at once), for example real ones. They
   * are served unchanged.
   *
   * @default made-up credentials, every part of which begins with `FAKE`
   */
  readonly issueCredentials?: (role: IamRole) => GivenCredentials
  /** Called for each request when it is answered, with the entry that `requests` has for it. */
  readonly onRequest?: (entry: string) => void
  /**
   * The clock of the instance.
   *
   * @default the installed test clock if there is one, otherwise the system's clock
   */
  readonly clock?: Clock
}

/** The `@default` values above; a test compares them. */
export const DEFAULTS: Omit<Settings, 'availabilityZone' | UndefaultedOption> = {
  httpTokens: 'required',
  hopLimit: 1,
  hopsAway: 0,
  metadataEnabled: true,
  tokenTtlCap: LONGEST_TTL_SECONDS,
  roleName: 'app-role',
  instanceProfileName: 'app-profile',
  lifetimeMs: 21_600_000,
  renewEveryMs: 3_600_000,
  roleChanges: 'at-once',
  extendedCredentials: false,
  accountId: EXAMPLE_ACCOUNT_ID,
  instanceId: 'i-0123456789abcdef0',
  instanceType: 'm7i.large',
  imageId: 'ami-0123456789abcdef0',
  region: 'eu-central-1',
  privateIp: '10.0.0.10',
  mac: '02:00:00:00:00:01',
  tags: {},
}

/** Returns the options merged with the defaults. */
export function resolveOptions(options: InstanceOptions): Settings {
  const region = options.region ?? DEFAULTS.region
  const settings = { ...DEFAULTS, availabilityZone: `${region}a`, ...withoutUndefined(options) }
  requireInteger('lifetimeMs', settings.lifetimeMs, 1_000)
  requireInteger('renewEveryMs', settings.renewEveryMs, 1_000)
  requireMetadataOptions(settings)
  return settings
}

/** Options that are `undefined` count as absent. */
export function withoutUndefined<T extends object>(options: T): T {
  const given = { ...options }
  for (const [name, value] of Object.entries(given))
    if (value === undefined) Reflect.deleteProperty(given, name)
  return given
}

/** @throws RangeError that names the malformed option */
export function requireMetadataOptions({ hopLimit, hopsAway, tokenTtlCap }: MetadataOptions): void {
  requireInteger('hopLimit', hopLimit, 1, 64)
  requireInteger('hopsAway', hopsAway, 0)
  requireInteger('tokenTtlCap', tokenTtlCap, 1, LONGEST_TTL_SECONDS)
}

function requireInteger(name: string, value: number, least: number, most = Infinity): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new RangeError(`${name} must be an integer from ${least}${most === Infinity ? '' : ` to ${most}`}`)
}
