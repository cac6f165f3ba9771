import { randomBytes } from 'node:crypto'
import { EC2_TRUST_POLICY, type PolicyDocument } from './trust-policy.js'

/** The account of emulated roles and profiles, unless another one is given. */
export const EXAMPLE_ACCOUNT_ID = '123456789012'

/** An IAM role. A test can change its policies at any time, and IMDS shows the consequences. */
export interface IamRole {
  /** The name that IMDS lists. */
  readonly name: string
  /** For example `arn:aws:iam::123456789012:role/app-role`. */
  readonly arn: string
  /** The account that the role belongs to. */
  readonly accountId: string
  /** Who may assume the role. IMDS has credentials only if `ec2.amazonaws.com` may. */
  trustPolicy: PolicyDocument
  /** What the role may do. The emulated instance does not enforce it. */
  permissionsPolicy: PolicyDocument
}

/** Options of `iamRole`. */
export interface IamRoleOptions {
  /** The name that IMDS lists. */
  readonly name: string
  /**
   * The account of the role.
   *
   * @default '123456789012'
   */
  readonly accountId?: string
  /**
   * Who may assume the role.
   *
   * @default a policy that lets `ec2.amazonaws.com` assume it, as the console creates it
   */
  readonly trustPolicy?: PolicyDocument
  /**
   * What the role may do. The emulated instance does not enforce it; servers in a test can.
   *
   * @default a policy without statements
   */
  readonly permissionsPolicy?: PolicyDocument
}

/** An instance profile: a container for at most one role. An instance gets its role from the profile that is associated with it. */
export interface InstanceProfile {
  /** The name of the profile, which can differ from the role's. */
  readonly name: string
  /** The ARN in `iam/info`. */
  readonly arn: string
  /** The ID. It begins with `FAKE`, where an ID of IAM begins with `AIPA`, so that nobody takes it for a real one. */
  readonly id: string
  /** The role in the profile, if there is one. */
  readonly role: IamRole | undefined
  /** Like `AddRoleToInstanceProfile`. Throws if the profile has a role already. */
  addRole(role: IamRole): void
  /** Like `RemoveRoleFromInstanceProfile`. Throws if the profile has no role. */
  removeRole(): void
}

/** Options of `instanceProfile`. */
export interface InstanceProfileOptions {
  /** The name of the profile, which can differ from the role's. */
  readonly name: string
  /**
   * The account of the profile.
   *
   * @default '123456789012'
   */
  readonly accountId?: string
  /**
   * The role in the profile.
   *
   * @default none
   */
  readonly role?: IamRole
}

/**
 * Creates an IAM role.
 *
 * @example
 * const role = iamRole({ name: 'app-role' })
 * instance.attachRole(role)
 */
export function iamRole(options: IamRoleOptions): IamRole {
  const { name, accountId = EXAMPLE_ACCOUNT_ID } = options
  return {
    name,
    accountId,
    arn: `arn:aws:iam::${accountId}:role/${name}`,
    trustPolicy: options.trustPolicy ?? EC2_TRUST_POLICY,
    permissionsPolicy: options.permissionsPolicy ?? { Version: '2012-10-17', Statement: [] },
  }
}

/**
 * Creates an instance profile with its own name, as the CLI and CloudFormation do.
 *
 * @example
 * const profile = instanceProfile({ name: 'app-profile', role: iamRole({ name: 'app-role' }) })
 * const instance = emulateInstance({ profile })
 */
export function instanceProfile(options: InstanceProfileOptions): InstanceProfile {
  return new Profile(options)
}

/** Creates the instance profile that the console creates together with a role. It has the role's name. */
export function instanceProfileOf(role: IamRole): InstanceProfile {
  return new Profile({ name: role.name, accountId: role.accountId, role })
}

class Profile implements InstanceProfile {
  readonly name: string
  readonly arn: string
  readonly id: string
  #role: IamRole | undefined

  constructor({ name, accountId = EXAMPLE_ACCOUNT_ID, role }: InstanceProfileOptions) {
    this.name = name
    this.arn = `arn:aws:iam::${accountId}:instance-profile/${name}`
    this.id = `FAKEPROFILE${randomBytes(5).toString('hex').toUpperCase()}`
    this.#role = role
  }

  get role(): IamRole | undefined {
    return this.#role
  }

  addRole(role: IamRole): void {
    if (this.#role !== undefined) {
      throw new Error(
        `LimitExceeded: instance profile ${this.name} already contains the role ${this.#role.name}`,
      )
    }
    this.#role = role
  }

  removeRole(): void {
    if (this.#role === undefined)
      throw new Error(`NoSuchEntity: instance profile ${this.name} contains no role`)
    this.#role = undefined
  }
}
