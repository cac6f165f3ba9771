import { expect, test } from 'vitest'
import { resolveConfig } from '../../src/config/config.js'
import type { Facts, ImdsFacts } from '../../src/diagnosis/facts.js'
import { CHECKS } from '../../src/diagnosis/findings.js'
import { isHealthy, judge } from '../../src/diagnosis/judge.js'
import { createReport, formatReport } from '../../src/diagnosis/report.js'
import { InstanceRoleError } from '../../src/errors.js'

const NOW = Date.UTC(2026, 0, 1)
const HOUR = 3_600_000

const SETTINGS = await resolveConfig(
  {},
  { env: {}, loadProfile: () => Promise.resolve({ name: 'default', keys: {} }) },
)

const HEALTHY: ImdsFacts = {
  endpoint: 'http://169.254.169.254',
  load: { roleName: 'app-role', expiresAt: NOW + 5 * HOUR },
  listedRole: 'app-role',
  requests: [{ method: 'PUT', tookMs: 2, status: 200 }],
  v1: 'closed',
  instanceProfile: { name: 'app-profile', code: 'Success', lastUpdatedAt: NOW - HOUR },
  region: 'eu-central-1',
  instanceId: 'i-0123456789abcdef0',
  launchedAt: NOW - 24 * HOUR,
  otherAddress: undefined,
  answeredAt: NOW,
  clockOffsetMs: 200,
}

function facts(imds: Partial<ImdsFacts> = {}, surroundings: Partial<Facts['surroundings']> = {}): Facts {
  return {
    settings: SETTINGS,
    surroundings: {
      profile: 'default',
      fileWarnings: [],
      keyVariables: [],
      keyFile: undefined,
      otherSources: [],
      proxyVariables: [],
      firmwareInstanceId: undefined,
      ...surroundings,
    },
    imds: { ...HEALTHY, ...imds },
    blockedMs: 12,
  }
}

function findingOf(given: Facts, check: string) {
  return judge(given).find((finding) => finding.check === check)
}

const unreachable = new InstanceRoleError('UNREACHABLE', 'IMDS cannot be reached.', { step: 'token' })

test('finds one thing for each check, in their order', () => {
  expect(judge(facts()).map(({ check }) => check)).toEqual([...CHECKS])
  expect(judge({ ...facts(), imds: undefined }).map(({ check }) => check)).toEqual([...CHECKS])
  expect(isHealthy(judge(facts()))).toBe(true)
})

test('sends to the IPv6 address where that one answers', () => {
  const otherAddress = { endpoint: 'http://[fd00:ec2::254]', answers: true }
  const given = facts({ load: unreachable, otherAddress })
  expect(findingOf(given, 'reach')).toMatchObject({
    code: 'UNREACHABLE',
    fix: 'export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6',
  })
  expect(findingOf(given, 'ipv6')).toMatchObject({ verdict: 'warning' })
})

test('takes an IPv6 address that does not answer for what it mostly is', () => {
  const otherAddress = { endpoint: 'http://[fd00:ec2::254]', answers: false }
  expect(findingOf(facts({ otherAddress }), 'ipv6')).toMatchObject({ verdict: 'ok' })
})

test('names the instance in a command where only the firmware knows it', () => {
  const load = new InstanceRoleError('HOP_LIMIT', 'Never answered.', { step: 'token', timedOut: true })
  const given = facts({ load, instanceId: undefined }, { firmwareInstanceId: 'i-0aaaaaaaaaaaaaaaa' })
  expect(findingOf(given, 'hop-limit')?.fix).toContain('--instance-id i-0aaaaaaaaaaaaaaaa ')
})

test('tells a firewall from not being on EC2, where the firmware is that of an instance', () => {
  const given = facts(
    { load: unreachable, instanceId: undefined },
    { firmwareInstanceId: 'i-0aaaaaaaaaaaaaaaa' },
  )
  expect(findingOf(given, 'reach')?.message).toContain(
    'although this is the EC2 instance i-0aaaaaaaaaaaaaaaa',
  )
})

test('goes by the clock of IMDS when it says what is left of the credentials', () => {
  const load = { roleName: 'app-role', expiresAt: NOW - HOUR }
  const given = facts({ load, clockOffsetMs: -2 * HOUR })
  expect(findingOf(given, 'credentials')).toMatchObject({ verdict: 'ok', facts: { secondsLeft: 3_600 } })
  expect(findingOf(given, 'clock')).toMatchObject({ verdict: 'problem', facts: { aheadSeconds: 7_200 } })
})

test.each([
  { leftMs: 240_000, lifeMs: 6 * HOUR, verdict: 'warning' },
  { leftMs: 240_000, lifeMs: 600_000, verdict: 'ok' },
  { leftMs: 400_000, lifeMs: 6 * HOUR, verdict: 'ok' },
  { leftMs: -1_000, lifeMs: 600_000, verdict: 'problem' },
])('calls $leftMs ms left of $lifeMs ms a $verdict', ({ leftMs, lifeMs, verdict }) => {
  const expiresAt = NOW + leftMs
  const instanceProfile = { name: 'app-profile', code: 'Success', lastUpdatedAt: expiresAt - lifeMs }
  const given = facts({ load: { roleName: 'app-role', expiresAt }, instanceProfile })
  expect(findingOf(given, 'credentials')).toMatchObject({ verdict })
})

test('warns of what EC2 says of the instance profile', () => {
  const instanceProfile = { name: 'app-profile', code: 'InstanceProfileNotFound', lastUpdatedAt: undefined }
  expect(findingOf(facts({ instanceProfile }), 'instance-profile')).toMatchObject({
    verdict: 'warning',
    fix: 'aws ec2 describe-iam-instance-profile-associations --filters Name=instance-id,Values=i-0123456789abcdef0',
  })
})

test('puts no name in a command that the shell would take apart', () => {
  const keyFile = { path: '/tmp/$(reboot)/credentials', section: 'default' }
  const finding = findingOf(facts({}, { keyFile }), 'static-keys')
  expect(finding).toMatchObject({ verdict: 'warning' })
  expect(finding).not.toHaveProperty('fix')
})

test('sets verdicts off by the paint that it is given, and is plain without', () => {
  const report = createReport(facts())
  expect(formatReport(report, (verdict, text) => `<${verdict}>${text.trim()}</>`)).toContain(
    '<ok>ok</>  reach: IMDS at http://169.254.169.254 accepts connections.',
  )
})

test('warns of a file that cannot be used, and has the role be usable', () => {
  const given = facts({}, { fileWarnings: ['The config file /a is ignored: it is a directory.'] })
  expect(findingOf(given, 'settings')).toMatchObject({
    verdict: 'warning',
    message: 'The config file /a is ignored: it is a directory.',
    hint: expect.stringContaining('AWS_CONFIG_FILE') as string,
  })
})
