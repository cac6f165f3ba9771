import { letsEc2AssumeRole, type PolicyDocument } from '../../src/testing/trust-policy.js'

/** What each of the snippets is for, as far as a tool tells. */
export interface Outcome {
  readonly trustPolicy: PolicyDocument
  readonly isRoleInProfile: boolean
  readonly isProfileOnInstance: boolean
}

export function requireOutcome({ trustPolicy, isRoleInProfile, isProfileOnInstance }: Outcome): void {
  if (!letsEc2AssumeRole(trustPolicy)) throw new Error('the trust policy does not let EC2 assume the role')
  if (!isRoleInProfile) throw new Error('the role is not in the instance profile')
  if (!isProfileOnInstance) throw new Error('the instance does not have the instance profile')
}
