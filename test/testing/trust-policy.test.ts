import { expect, test } from 'vitest'
import type { PolicyStatement } from '../../src/testing/index.js'
import { EC2_TRUST_POLICY, letsEc2AssumeRole } from '../../src/testing/trust-policy.js'

const EC2: PolicyStatement = {
  Effect: 'Allow',
  Principal: { Service: 'ec2.amazonaws.com' },
  Action: 'sts:AssumeRole',
}

test('the default trust policy lets EC2 assume the role', () => {
  expect(letsEc2AssumeRole(EC2_TRUST_POLICY)).toBe(true)
})

test.each<[string, PolicyStatement[]]>([
  [
    'EC2 among other services',
    [{ ...EC2, Principal: { Service: ['lambda.amazonaws.com', 'ec2.amazonaws.com'] } }],
  ],
  ['EC2 in China', [{ ...EC2, Principal: { Service: 'ec2.amazonaws.com.cn' } }]],
  ['anyone', [{ ...EC2, Principal: '*' }]],
  ['several actions', [{ ...EC2, Action: ['sts:TagSession', 'sts:AssumeRole'] }]],
  ['an action in other case', [{ ...EC2, Action: 'STS:assumerole' }]],
  ['actions by wildcard', [{ ...EC2, Action: 'sts:*' }]],
  [
    'an allowance after one for another service',
    [{ ...EC2, Principal: { Service: 'ecs.amazonaws.com' } }, EC2],
  ],
])('lets EC2 assume the role: %s', (_, Statement) => {
  expect(letsEc2AssumeRole({ Statement })).toBe(true)
})

test.each<[string, PolicyStatement[]]>([
  ['no statement', []],
  ['another service', [{ ...EC2, Principal: { Service: 'lambda.amazonaws.com' } }]],
  ['an account', [{ ...EC2, Principal: { AWS: 'arn:aws:iam::123456789012:root' } }]],
  ['no principal', [{ Effect: 'Allow', Action: 'sts:AssumeRole' }]],
  ['another action', [{ ...EC2, Action: 'sts:AssumeRoleWithWebIdentity' }]],
  ['no action', [{ Effect: 'Allow', Principal: '*' }]],
  ['a denial', [{ ...EC2, Effect: 'Deny' }]],
  ['an allowance and a denial', [EC2, { ...EC2, Effect: 'Deny' }]],
])('does not let EC2 assume the role: %s', (_, Statement) => {
  expect(letsEc2AssumeRole({ Statement })).toBe(false)
})
