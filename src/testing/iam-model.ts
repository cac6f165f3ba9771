import { randomBytes } from 'node:crypto'
import { EC2_TRUST_POLICY, type PolicyDocument } from './trust-policy.js'

/** The account that emulated roles and profiles belong to, unless another is given. */
export const EXAMPLE_ACCOUNT_ID = '123456789012'

/** An IAM role. Its policies may be edited at any time; IMDS shows the consequences. */
export interface IamRole {
  /** As IMDS lists it. */
  readonly name: string
  /** Such as `arn:aws:iam::123456789012:role/app-role`. */
  readonly arn: string
  /** The account that the role belongs to. */
  readonly accountId: string
  /** Who may assume the role. */
  trustPolicy: PolicyDocument
  /** What the role may do; only carried, never enforced. */
  permissionsPolicy: PolicyDocument
}

/** What an IAM role is made of. */
export interface IamRoleOptions {
  /** As IMDS lists it. */
  readonly name: string
  /**
   * The account that it belongs to.
   *
   * @default '123456789012'
   */
  readonly accountId?: string
  /**
   * Who may assume the role.
   *
   * @default `ec2.amazonaws.com` may `sts:AssumeRole`
   */
  readonly trustPolicy?: PolicyDocument
  /**
   * What the role may do. The emulated instance only carries it, for servers that want to enforce it.
   *
   * @default nothing
   */
  readonly permissionsPolicy?: PolicyDocument
}

/** An instance profile: the wrapper around at most one role that is associated with an instance. */
export interface InstanceProfile {
  /** Can differ from that of the role. */
  readonly name: string
  /** As `iam/info` has it. */
  readonly arn: string
  /** The `AIPA…` of IAM, spelled `FAKE…` so that nobody takes it for a real one. */
  readonly id: string
  /** The role in the profile, if there is one. */
  readonly role: IamRole | undefined
  /** As `AddRoleToInstanceProfile`; fails when there is a role already. */
  addRole(role: IamRole): void
  /** As `RemoveRoleFromInstanceProfile`; fails when there is none. */
  removeRole(): void
}

/** What an instance profile is made of. */
export interface InstanceProfileOptions {
  /** Can differ from that of the role. */
  readonly name: string
  /**
   * The account that it belongs to.
   *
   * @default '123456789012'
   */
  readonly accountId?: string
  /**
   * The role to begin with.
   *
   * @default none
   */
  readonly role?: IamRole
}

/** Makes an IAM role. */
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

/** Makes an instance profile, as the CLI and CloudFormation do: by a name of its own. */
export function instanceProfile(options: InstanceProfileOptions): InstanceProfile {
  return new Profile(options)
}

/** Makes the instance profile that the console makes along with a role: by the role's own name. */
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
