import { expect, test } from 'vitest'
import { resolveConfig } from '../../src/config/config.js'
import type { Facts, ImdsFacts } from '../../src/diagnosis/facts.js'
import { CHECKS } from '../../src/diagnosis/findings.js'
import { isHealthy, judge } from '../../src/diagnosis/judge.js'
import { formatReport } from '../../src/diagnosis/report-text.js'
import { createReport } from '../../src/diagnosis/report.js'
import { HINTS, InstanceRoleError } from '../../src/errors.js'

const NOW = Date.UTC(2026, 0, 1)
const HOUR = 3_600_000

const SETTINGS = await resolveConfig(
  {},
  { env: {}, loadProfile: () => Promise.resolve({ name: 'default', keys: {} }) },
)

const HEALTHY: ImdsFacts = {
  endpoint: 'http://169.254.169.254',
  timeoutMs: 1_000,
  load: { roleName: 'app-role', expiresAt: NOW + 5 * HOUR, clockOffsetMs: undefined },
  listedRole: 'app-role',
  requests: [{ method: 'PUT', tookMs: 2, status: 200 }],
  v1: 'closed',
  answersWithoutToken: true,
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
      loneKeyVariable: undefined,
      proxyVariables: [],
      noProxyVariables: [],
      imdsHosts: ['169.254.169.254'],
      firmwareInstanceId: undefined,
      ...surroundings,
    },
    defaultChain: undefined,
    imds: { ...HEALTHY, ...imds },
    blockedMs: 12,
  }
}

function findingOf(given: Facts, check: string) {
  return judge(given).find((finding) => finding.check === check)
}

const unreachable = new InstanceRoleError('UNREACHABLE', 'IMDS cannot be reached.', { step: 'token' })

test('returns one finding per check, in their order', () => {
  expect(judge(facts()).map(({ check }) => check)).toEqual([...CHECKS])
  expect(judge({ ...facts(), imds: undefined }).map(({ check }) => check)).toEqual([...CHECKS])
  expect(isHealthy(judge(facts()))).toBe(true)
})

test('suggests the IPv6 address if that answers', () => {
  const otherAddress = { endpoint: 'http://[fd00:ec2::254]', answers: true }
  const given = facts({ load: unreachable, otherAddress })
  expect(findingOf(given, 'reach')).toMatchObject({
    code: 'UNREACHABLE',
    fix: 'export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6',
  })
  expect(findingOf(given, 'ipv6')).toMatchObject({ verdict: 'warning' })
})

test('suggests the most likely reason for an IPv6 address that does not answer', () => {
  const otherAddress = { endpoint: 'http://[fd00:ec2::254]', answers: false }
  expect(findingOf(facts({ otherAddress }), 'ipv6')).toMatchObject({ verdict: 'ok' })
})

test('names the instance in a command if only the firmware knows its ID', () => {
  const load = new InstanceRoleError('HOP_LIMIT', 'Never answered.', { step: 'token', timedOut: true })
  const given = facts({ load, instanceId: undefined }, { firmwareInstanceId: 'i-0aaaaaaaaaaaaaaaa' })
  expect(findingOf(given, 'hop-limit')?.fix).toContain('--instance-id i-0aaaaaaaaaaaaaaaa ')
})

test('recognises a firewall on EC2 by the firmware', () => {
  const given = facts(
    { load: unreachable, instanceId: undefined },
    { firmwareInstanceId: 'i-0aaaaaaaaaaaaaaaa' },
  )
  expect(findingOf(given, 'reach')?.message).toContain(
    'This is the EC2 instance i-0aaaaaaaaaaaaaaaa, all the same.',
  )
})

test('uses the clock of IMDS for the remaining life of the credentials', () => {
  const load = { roleName: 'app-role', expiresAt: NOW - HOUR, clockOffsetMs: undefined }
  const given = facts({ load, clockOffsetMs: -2 * HOUR })
  expect(findingOf(given, 'credentials')).toMatchObject({ verdict: 'ok', facts: { secondsLeft: 3_600 } })
  expect(findingOf(given, 'clock')).toMatchObject({ verdict: 'warning', facts: { aheadSeconds: 7_200 } })
})

test.each([
  { leftMs: 240_000, lifeMs: 6 * HOUR, verdict: 'warning' },
  { leftMs: 240_000, lifeMs: 600_000, verdict: 'ok' },
  { leftMs: 400_000, lifeMs: 6 * HOUR, verdict: 'ok' },
  { leftMs: -1_000, lifeMs: 600_000, verdict: 'problem' },
])('judges $leftMs ms of $lifeMs ms as $verdict', ({ leftMs, lifeMs, verdict }) => {
  const expiresAt = NOW + leftMs
  const instanceProfile = { name: 'app-profile', code: 'Success', lastUpdatedAt: expiresAt - lifeMs }
  const given = facts({
    load: { roleName: 'app-role', expiresAt, clockOffsetMs: undefined },
    instanceProfile,
  })
  expect(findingOf(given, 'credentials')).toMatchObject({ verdict })
})

test('warns about the status of the instance profile', () => {
  const instanceProfile = { name: 'app-profile', code: 'InstanceProfileNotFound', lastUpdatedAt: undefined }
  expect(findingOf(facts({ instanceProfile }), 'instance-profile')).toMatchObject({
    verdict: 'warning',
    fix: 'aws ec2 describe-iam-instance-profile-associations --region eu-central-1 --filters Name=instance-id,Values=i-0123456789abcdef0',
  })
})

test('puts no name in a command that the shell would split', () => {
  const keyFile = { path: '/tmp/$(reboot)/credentials', section: 'default' }
  const finding = findingOf(facts({}, { keyFile }), 'static-keys')
  expect(finding).toMatchObject({ verdict: 'warning' })
  expect(finding).not.toHaveProperty('fix')
})

test('colours verdicts with the given paint', () => {
  const layout = {
    width: 80,
    isVerbose: true,
    paint: (verdict: string, text: string) => `<${verdict}>${text}</>`,
  }
  expect(formatReport(createReport(facts()), layout)).toContain(
    '<ok>✓ reach</>  IMDS at http://169.254.169.254 accepts connections.',
  )
})

test('does not report a hop limit if a request without a token gets no response either', () => {
  const load = new InstanceRoleError('HOP_LIMIT', 'Never answered.', { step: 'token', timedOut: true })
  const given = facts({ load, v1: 'unknown', answersWithoutToken: false })
  expect(findingOf(given, 'hop-limit')).toMatchObject({ verdict: 'skipped' })
  expect(findingOf(given, 'reach')).toMatchObject({
    verdict: 'problem',
    code: 'TIMEOUT',
    facts: { thrownCode: 'HOP_LIMIT' },
  })
})

test.each(['open', 'closed'] as const)(
  'names X-Forwarded-For if IMDSv1 is %s and the token is refused',
  (v1) => {
    const load = new InstanceRoleError('IMDS_DISABLED', 'Refused.', { step: 'token', statusCode: 403 })
    const finding = findingOf(facts({ load, v1 }), 'token')
    expect(finding).toMatchObject({ verdict: 'problem', code: 'UNEXPECTED_STATUS' })
    expect(finding?.message).toContain('X-Forwarded-For')
    expect(finding?.fix).not.toContain('--http-endpoint enabled')
  },
)

test('reports IMDS as disabled if it refuses a request without a token as well', () => {
  const load = new InstanceRoleError('IMDS_DISABLED', 'Refused.', { step: 'token', statusCode: 403 })
  expect(findingOf(facts({ load, v1: 'unknown' }), 'token')).toMatchObject({
    code: 'IMDS_DISABLED',
    fix: 'aws ec2 modify-instance-metadata-options --region eu-central-1 --instance-id i-0123456789abcdef0 --http-endpoint enabled',
  })
})

function forbidden(message: string): InstanceRoleError {
  return new InstanceRoleError('UNREACHABLE', message, { step: 'token', remedy: HINTS.noRoute })
}

test.each(['EACCES', 'EPERM', 'EINVAL', 'ENETUNREACH', 'EHOSTUNREACH'])(
  "suggests to check this host's routes if a connection ends with %s",
  (code) => {
    const message = `IMDS cannot be reached: connect ${code} 169.254.169.254:80.`
    const given = facts({ load: forbidden(message) })
    expect(findingOf(given, 'reach')).toMatchObject({ fix: 'ip route get 169.254.169.254' })
    expect(findingOf(given, 'reach')?.hint).toContain('systemd-imdsd')
  },
)

test('suggests to check the route to the IPv6 address if that is used', () => {
  const message = 'IMDS cannot be reached: connect EACCES fd00:ec2::254:80.'
  const given = facts({ load: forbidden(message), endpoint: 'http://[fd00:ec2::254]' })
  expect(findingOf(given, 'reach')).toMatchObject({ fix: 'ip route get fd00:ec2::254' })
})

test('does not suggest routes if the host itself refused nothing', () => {
  const load = new InstanceRoleError('UNREACHABLE', 'IMDS cannot be reached: connect ECONNREFUSED.', {
    step: 'token',
  })
  expect(findingOf(facts({ load }), 'reach')?.fix).toMatch(/^curl /)
})

test.each([
  { offsetMs: 1_000, verdict: 'ok', says: 'agrees' },
  { offsetMs: -2_000, verdict: 'ok', says: '2 s ahead' },
  { offsetMs: 29_000, verdict: 'ok', says: '29 s behind' },
  { offsetMs: -60_000, verdict: 'warning', says: '1 min ahead' },
  { offsetMs: 310_000, verdict: 'warning', says: 'AWS refuses' },
])('judges a clock that is off by $offsetMs ms as $verdict', ({ offsetMs, verdict, says }) => {
  const given = facts({ clockOffsetMs: offsetMs })
  expect(findingOf(given, 'clock')).toMatchObject({ verdict })
  expect(findingOf(given, 'clock')?.message).toContain(says)
  expect(isHealthy(judge(given))).toBe(true)
})

test.each([
  { method: 'PUT', tookMs: 700, timeoutMs: 1_000, verdict: 'warning' },
  { method: 'GET', tookMs: 700, timeoutMs: 1_000, verdict: 'warning' },
  { method: 'GET', tookMs: 1_700, timeoutMs: 5_000, verdict: 'warning' },
  { method: 'GET', tookMs: 300, timeoutMs: 400, verdict: 'warning' },
  { method: 'GET', tookMs: 300, timeoutMs: 1_000, verdict: 'ok' },
])(
  'judges a $method that took $tookMs of $timeoutMs ms as $verdict',
  ({ method, tookMs, timeoutMs, verdict }) => {
    const requests = [...HEALTHY.requests, { method, tookMs, status: 200 }]
    expect(findingOf(facts({ requests, timeoutMs }), 'reach')).toMatchObject({
      verdict,
      facts: { slowestMs: tookMs },
    })
  },
)

test('warns about a file that cannot be used, and still reports the role as usable', () => {
  const given = facts({}, { fileWarnings: ['The config file /a is ignored: it is a directory.'] })
  expect(findingOf(given, 'settings')).toMatchObject({
    verdict: 'warning',
    message: 'The config file /a is ignored: it is a directory.',
    hint: expect.stringContaining('AWS_CONFIG_FILE') as string,
  })
})
