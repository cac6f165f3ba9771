import { randomBytes } from 'node:crypto'
import type { IamRole, InstanceProfile } from './iam-model.js'
import { letsEc2AssumeRole } from './trust-policy.js'

/** Credentials that the emulated STS issued. */
export interface IssuedCredentials {
  /** Begins with `FAKE`, unless it comes from `issueCredentials`. */
  readonly accessKeyId: string
  /** Begins with `FAKE`, unless it comes from `issueCredentials`. */
  readonly secretAccessKey: string
  /** Begins with `FAKE`, unless it comes from `issueCredentials`. */
  readonly sessionToken: string
  /** When the credentials expire. */
  readonly expiration: Date
  /** The account of the role. */
  readonly accountId: string
  /** The role that they were issued for. */
  readonly roleName: string
  /** When they were issued, in epoch milliseconds. */
  readonly issuedAt: number
}

/** The credentials that `issueCredentials` returns. The instance serves them instead of made-up ones. */
export type GivenCredentials = Pick<
  IssuedCredentials,
  'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration'
>

/** What EC2 has for the role of an instance profile: credentials, or none if it may not assume the role. */
export interface DeliveredRole {
  readonly role: IamRole
  readonly credentials: IssuedCredentials | undefined
}

export interface RenewalOptions {
  readonly lifetimeMs: number
  readonly renewEveryMs: number
  readonly roleChanges: 'at-once' | 'at-renewal'
  readonly issueCredentials?: (role: IamRole) => GivenCredentials
  readonly now: () => number
}

const RENEWED_AHEAD_MS = 5 * 60_000

/**
 * How long credentials are current until new ones are published: at least until five minutes before they expire.
 *
 * Credentials that live less than ten minutes, which STS does not issue, are renewed after half of their life. Whole seconds.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
export function renewalPeriodMs(lifetimeMs: number, renewEveryMs: number): number {
  const latest = Math.max(lifetimeMs - RENEWED_AHEAD_MS, lifetimeMs / 2)
  return Math.max(1_000, wholeSeconds(Math.min(renewEveryMs, latest)))
}

/** When the current credentials at `now` were issued, if the first ones were issued at `firstIssuedAt`. */
export function issuedAt(now: number, firstIssuedAt: number, periodMs: number): number {
  return firstIssuedAt + Math.max(0, Math.floor((now - firstIssuedAt) / periodMs)) * periodMs
}

interface Delivery {
  readonly profile: InstanceProfile
  readonly role: IamRole | undefined
  readonly assumable: boolean
  readonly issuedAt: number
  readonly credentials: IssuedCredentials | undefined
}

/** The part of EC2 and STS that issues the credentials of the associated profile's role and renews them as time passes. */
export class CredentialsRenewal {
  readonly #options: RenewalOptions
  readonly #issued = new Map<string, IssuedCredentials>()
  #delivery: Delivery | undefined

  constructor(options: RenewalOptions) {
    this.#options = options
  }

  /** What IMDS has for the profile now. `undefined` if the profile has no role. */
  deliver(profile: InstanceProfile): DeliveredRole | undefined {
    const { role, credentials } = this.#renew(profile)
    return role && { role, credentials }
  }

  /** Renews the credentials now. */
  rotate(profile: InstanceProfile): void {
    this.#delivery = this.#assume(profile, wholeSeconds(this.#options.now()))
  }

  find(accessKeyId: string): IssuedCredentials | undefined {
    return this.#issued.get(accessKeyId)
  }

  #renew(profile: InstanceProfile): Delivery {
    const held = this.#delivery
    const now = wholeSeconds(this.#options.now())
    if (held?.profile !== profile) return (this.#delivery = this.#assume(profile, now))
    const { lifetimeMs, renewEveryMs } = this.#options
    const dueAt = issuedAt(now, held.issuedAt, renewalPeriodMs(lifetimeMs, renewEveryMs))
    if (dueAt > held.issuedAt) return (this.#delivery = this.#assume(profile, dueAt))
    if (this.#options.roleChanges === 'at-once' && hasChanged(held)) this.rotate(profile)
    return this.#delivery ?? held
  }

  #assume(profile: InstanceProfile, at: number): Delivery {
    const { role } = profile
    const assumable = role !== undefined && letsEc2AssumeRole(role.trustPolicy)
    const credentials = assumable ? this.#issue(role, at) : undefined
    return { profile, role, assumable, issuedAt: at, credentials }
  }

  #issue(role: IamRole, at: number): IssuedCredentials {
    const { issueCredentials, lifetimeMs } = this.#options
    const given = issueCredentials?.(role) ?? fakeCredentials(at, wholeSeconds(lifetimeMs))
    const credentials = { ...given, accountId: role.accountId, roleName: role.name, issuedAt: at }
    this.#issued.set(credentials.accessKeyId, credentials)
    return credentials
  }
}

function hasChanged({ profile: { role }, ...delivered }: Delivery): boolean {
  if (role !== delivered.role) return true
  return role !== undefined && letsEc2AssumeRole(role.trustPolicy) !== delivered.assumable
}

let issuedSets = 0

/** Credentials that cannot be mistaken for real ones: every part begins with `FAKE`, which no key of AWS does. */
function fakeCredentials(at: number, lifetimeMs: number): GivenCredentials {
  issuedSets += 1
  const serial = String(issuedSets).padStart(6, '0')
  const bytes = randomBytes(686)
  return {
    accessKeyId: `FAKE${serial}${bytes.toString('hex', 0, 5).toUpperCase()}`,
    secretAccessKey: `FAKE/secret/${bytes.toString('base64url', 5, 26)}`,
    sessionToken: `FAKE/session/token/${bytes.toString('base64', 26)}`,
    expiration: new Date(at + lifetimeMs),
  }
}

function wholeSeconds(durationMs: number): number {
  return Math.floor(durationMs / 1_000) * 1_000
}
