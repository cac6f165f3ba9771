import type { Clock } from './clock.js'
import type { GivenCredentials } from './credentials-renewal.js'
import { EXAMPLE_ACCOUNT_ID, type IamRole, type InstanceProfile } from './iam-model.js'
import { LONGEST_TTL_SECONDS } from './metadata-tokens.js'

/** The instance metadata options that can be modified while an instance runs, and how far its client is. */
export interface MetadataOptions {
  /**
   * Whether requests need a metadata token (IMDSv2 only), or may come without (IMDSv1 too).
   *
   * @default 'required'
   */
  readonly httpTokens: 'required' | 'optional'
  /**
   * `HttpPutResponseHopLimit`: the answer to the token PUT reaches a client that is fewer hops away than this.
   *
   * @default 1
   */
  readonly hopLimit: number
  /**
   * Routers between the client and the instance: 0 on the instance itself, 1 in a container behind a bridge.
   *
   * @default 0
   */
  readonly hopsAway: number
  /**
   * `HttpEndpoint`: whether there is metadata at all.
   *
   * @default true
   */
  readonly metadataEnabled: boolean
  /**
   * Longest life of a metadata token, in seconds, whatever is asked for.
   *
   * @default 21600
   */
  readonly tokenTtlCap: number
}

/** How credentials come to the instance. */
interface CredentialsOptions {
  /**
   * Name of the role in the instance profile.
   *
   * @default 'app-role'
   */
  readonly roleName: string
  /**
   * Name of the associated instance profile; differs from the role's, as when the two are made separately.
   *
   * @default 'app-profile'
   */
  readonly instanceProfileName: string
  /**
   * Life of a set of credentials, in milliseconds; fractions of a second are cut off.
   *
   * @default 21600000 (6 hours)
   */
  readonly lifetimeMs: number
  /**
   * Time from one set of credentials to the next; sets are always renewed five minutes before they end.
   *
   * @default 3600000 (1 hour)
   */
  readonly renewEveryMs: number
  /**
   * When IMDS shows that the profile's role or its trust policy was changed: at once, which is what a test of the
   * consequences wants, or with the next renewal, which is what EC2 does.
   *
   * @default 'at-once'
   * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html
   */
  readonly roleChanges: 'at-once' | 'at-renewal'
  /**
   * Whether IMDS has `iam/security-credentials-extended`, whose documents carry an `AccountId`.
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
  /** @default the region's first */
  readonly availabilityZone: string
  /** @default '10.0.0.10' */
  readonly privateIp: string
  /** @default '02:00:00:00:00:01' */
  readonly mac: string
  /**
   * The instance's tags; there is no `tags` in the metadata without any.
   *
   * @default none
   */
  readonly tags: Readonly<Record<string, string>>
}

/** Every setting of an emulated instance, with nothing left open. */
export type Settings = MetadataOptions &
  CredentialsOptions &
  DescriptionOptions &
  Pick<InstanceOptions, UndefaultedOption>

type UndefaultedOption = 'profile' | 'userData' | 'issueCredentials' | 'onRequest'

/** Options of `emulateInstance`. */
export interface InstanceOptions extends Partial<MetadataOptions & CredentialsOptions & DescriptionOptions> {
  /**
   * The instance profile that is associated at launch, made with `instanceProfile`; `roleName` and
   * `instanceProfileName` are of no account then.
   *
   * @default one by `instanceProfileName` around a role by `roleName`
   */
  readonly profile?: InstanceProfile
  /** @default none */
  readonly userData?: string
  /**
   * What STS issues for the role, whenever EC2 has it renew the credentials (`rotate()` has it done now): a set of the
   * caller's, such as a real one, served as it is.
   *
   * @default made-up credentials, every part of which begins with `FAKE`
   */
  readonly issueCredentials?: (role: IamRole) => GivenCredentials
  /** Is told of each request as it is answered, in the words of `requests`. */
  readonly onRequest?: (entry: string) => void
  /**
   * The time that the instance goes by.
   *
   * @default the installed test clock while there is one, the system's time otherwise
   */
  readonly clock?: Clock
}

/** What `@default` says above; a test compares. */
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

/** The settings that the options and the defaults amount to. */
export function resolveOptions(options: InstanceOptions): Settings {
  const region = options.region ?? DEFAULTS.region
  const settings = { ...DEFAULTS, availabilityZone: `${region}a`, ...withoutUndefined(options) }
  requireInteger('lifetimeMs', settings.lifetimeMs, 1_000)
  requireInteger('renewEveryMs', settings.renewEveryMs, 1_000)
  requireMetadataOptions(settings)
  return settings
}

/** An option that is given as `undefined` is not given. */
export function withoutUndefined<T extends object>(options: T): T {
  const given = { ...options }
  for (const [name, value] of Object.entries(given))
    if (value === undefined) Reflect.deleteProperty(given, name)
  return given
}

/** @throws RangeError that names the option which IMDS could not have */
export function requireMetadataOptions({ hopLimit, hopsAway, tokenTtlCap }: MetadataOptions): void {
  requireInteger('hopLimit', hopLimit, 1, 64)
  requireInteger('hopsAway', hopsAway, 0)
  requireInteger('tokenTtlCap', tokenTtlCap, 1, LONGEST_TTL_SECONDS)
}

function requireInteger(name: string, value: number, least: number, most = Infinity): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new RangeError(`${name} must be an integer from ${least}${most === Infinity ? '' : ` to ${most}`}`)
}
