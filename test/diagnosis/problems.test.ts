import { expect, test } from 'vitest'
import { TREATMENTS } from '../../src/errors.js'
import { closedEndpoint, examine, type Patient, QUICK } from './examine.js'

interface Trouble extends Patient {
  readonly code: keyof typeof TREATMENTS
  readonly check: string
  readonly fix: RegExp | undefined
  /** If the message says more than the hint of the code. */
  readonly hint?: RegExp
}

const TROUBLES: readonly Trouble[] = [
  {
    code: 'IMDS_DISABLED_BY_ENV',
    check: 'enabled',
    fix: /^unset AWS_EC2_METADATA_DISABLED$/,
    env: { AWS_EC2_METADATA_DISABLED: 'true' },
  },
  {
    code: 'BAD_CONFIG',
    check: 'settings',
    fix: /^unset AWS_METADATA_SERVICE_TIMEOUT$/,
    env: { AWS_METADATA_SERVICE_TIMEOUT: 'soon' },
  },
  {
    code: 'UNREACHABLE',
    check: 'reach',
    fix: /^curl .*http:\/\/127\.0\.0\.1:\d+\/latest\/api\/token$/,
    env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: await closedEndpoint() },
  },
  {
    code: 'HOP_LIMIT',
    check: 'hop-limit',
    fix: /^aws ec2 modify-instance-metadata-options .*--http-put-response-hop-limit 2$/,
    options: { hopsAway: 1 },
    // A time limit that passed late says nothing: try again.
    env: { AWS_METADATA_SERVICE_NUM_ATTEMPTS: '' },
  },
  {
    code: 'IMDS_DISABLED',
    check: 'token',
    fix: /^aws ec2 modify-instance-metadata-options .*--http-endpoint enabled$/,
    options: { metadataEnabled: false },
  },
  {
    code: 'NO_ROLE',
    check: 'instance-profile',
    fix: /^aws ec2 associate-iam-instance-profile --region eu-central-1 --instance-id i-0123456789abcdef0 /,
    make: (instance) => instance.disassociateProfile(),
  },
  {
    code: 'NO_ROLE',
    check: 'role',
    hint: /^Put the role in the instance profile/,
    fix: /^aws iam add-role-to-instance-profile --instance-profile-name app-profile --role-name <role-name>$/,
    make: (instance) => instance.profile?.removeRole(),
  },
  {
    code: 'ROLE_NOT_FOUND',
    check: 'role',
    fix: /^unset AWS_EC2_INSTANCE_PROFILE_NAME$/,
    env: { AWS_EC2_INSTANCE_PROFILE_NAME: 'other-role' },
  },
  {
    code: 'ROLE_NOT_ASSUMABLE',
    check: 'credentials',
    fix: /^aws iam update-assume-role-policy --role-name app-role .*"ec2\.amazonaws\.com"/,
    make: (instance) => instance.failUntilLifted('credentials', { code: 'AssumeRoleUnauthorizedAccess' }),
  },
  {
    code: 'CREDENTIALS_NOT_ISSUED',
    check: 'credentials',
    fix: /iam\/info$/,
    make: (instance) => instance.failUntilLifted('credentials', { code: 'Failed' }),
  },
  {
    code: 'TOKEN_REJECTED',
    check: 'role',
    fix: /^env \| grep/,
    make: (instance) => instance.failUntilLifted('role', { status: 401 }),
  },
  {
    code: 'THROTTLED',
    check: 'credentials',
    fix: /^ethtool .*linklocal_allowance_exceeded$/,
    make: (instance) => instance.failUntilLifted('credentials', { status: 429 }),
  },
  {
    code: 'SERVER_ERROR',
    check: 'role',
    fix: /^aws ec2 describe-instance-status --region eu-central-1 --instance-ids i-0123456789abcdef0$/,
    make: (instance) => instance.failUntilLifted('role', { status: 503 }),
  },
  {
    code: 'UNEXPECTED_STATUS',
    check: 'token',
    fix: /^env \| grep/,
    make: (instance) => instance.failUntilLifted('token', { status: 404 }),
  },
  {
    code: 'BAD_RESPONSE',
    check: 'credentials',
    fix: /^env \| grep/,
    make: (instance) => instance.failUntilLifted('credentials', 'truncated'),
  },
  {
    code: 'TIMEOUT',
    check: 'credentials',
    fix: /^export AWS_METADATA_SERVICE_TIMEOUT=5$/,
    make: (instance) => instance.failUntilLifted('credentials', 'silence'),
  },
]

test.each(TROUBLES)('reports $code under $check, with its fix', async (trouble) => {
  const { code, check, fix, hint, env, ...scenario } = trouble
  const { report, finding } = await examine({ ...scenario, env: { ...QUICK, ...env } })
  const problems = report.findings.filter(({ verdict }) => verdict === 'problem')
  expect(problems).toEqual([finding(check)])
  expect(finding(check)).toMatchObject({ code, verdict: 'problem' })
  expect(finding(check)?.fix ?? 'none').toMatch(fix ?? /^none$/)
  expect(finding(check)?.hint).toMatch(hint ?? startOf(TREATMENTS[code].text))
  expect(report.healthy).toBe(false)
})

/** The text up to the first filled-in name. */
function startOf(text: string): string {
  return text.split('<')[0] ?? text
}

// CLOSED is a provider's own end, METADATA_… a metadata client's: no instance has them.
test('names every code that an instance can have', () => {
  const named = new Set(TROUBLES.map(({ code }) => code))
  const others = Object.keys(TREATMENTS).filter((code) => !named.has(code as Trouble['code']))
  expect(others).toEqual(['METADATA_ABSENT', 'METADATA_NOT_TEXT', 'CLOSED'])
})
