/** An IAM policy document. Its members have the names that IAM uses in JSON. */
export interface PolicyDocument {
  /** Version of the policy language: `2012-10-17`. */
  readonly Version?: string
  /** One statement, or several. */
  readonly Statement: PolicyStatement | readonly PolicyStatement[]
}

/** One statement of a policy document. */
export interface PolicyStatement {
  /** A name for the statement. */
  readonly Sid?: string
  /** What the statement does with a request that it matches. */
  readonly Effect: 'Allow' | 'Deny'
  /** In a trust policy, who may assume the role: for example `{ Service: 'ec2.amazonaws.com' }`. */
  readonly Principal?: '*' | Readonly<Record<string, string | readonly string[]>>
  /** The actions of the statement, for example `sts:AssumeRole`. */
  readonly Action?: string | readonly string[]
  /** In a permissions policy, the ARNs of the resources. */
  readonly Resource?: string | readonly string[]
  /** Conditions. The emulated instance treats all of them as met. */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>
}

/** The trust policy that the console creates for an EC2 role. */
export const EC2_TRUST_POLICY: PolicyDocument = {
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
}

const EC2_SERVICES = ['ec2.amazonaws.com', 'ec2.amazonaws.com.cn']

/**
 * Whether a trust policy lets EC2 assume the role: a statement allows it and none denies it.
 *
 * Conditions are treated as met.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html
 */
export function letsEc2AssumeRole(policy: PolicyDocument): boolean {
  const concerned = listOf(policy.Statement).filter(namesEc2).filter(namesAssumeRole)
  return concerned.some(allows) && concerned.every(allows)
}

function allows(statement: PolicyStatement): boolean {
  return statement.Effect === 'Allow'
}

function namesEc2({ Principal }: PolicyStatement): boolean {
  if (Principal === undefined) return false
  if (Principal === '*') return true
  return listOf(Principal['Service'] ?? []).some((service) => EC2_SERVICES.includes(service))
}

function namesAssumeRole({ Action }: PolicyStatement): boolean {
  return listOf(Action ?? []).some((pattern) => matchesAction(pattern, 'sts:AssumeRole'))
}

function matchesAction(pattern: string, action: string): boolean {
  const source = pattern
    .replace(/[^\w*?]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 'i').test(action)
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return isList(value) ? value : [value]
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}
