import { expect, test } from 'vitest'
import { clockSince, examine, findingsOf, QUICK, reportFrom, startInstance } from './examine.js'

test('says that a newly launched instance may get its role later', async () => {
  const { finding } = await examine({
    options: { clock: clockSince(30_000) },
    make: (instance) => instance.disassociateProfile(),
  })
  expect(finding('instance-profile')?.message).toMatch(/launched only 3\d s ago.*waitForRole/)
})

test('warns that IMDSv1 is still open, and stays healthy', async () => {
  const { report, finding } = await examine({ options: { httpTokens: 'optional' } })
  expect(finding('imdsv1')).toMatchObject({
    verdict: 'warning',
    fix: 'aws ec2 modify-instance-metadata-options --region eu-central-1 --instance-id i-0123456789abcdef0 --http-tokens required',
  })
  expect(report.healthy).toBe(true)
})

test.each([120_000, 600_000])(
  'warns about a clock that is %i ms ahead, and stays healthy',
  async (behindMs) => {
    const { sleep } = clockSince(0)
    const { report, finding } = await examine({
      options: { clock: { now: () => Date.now() - behindMs, sleep } },
    })
    expect(finding('clock')).toMatchObject({ verdict: 'warning' })
    expect(finding('clock')?.message).toContain('min ahead of that of IMDS')
    expect(finding('credentials')).toMatchObject({ verdict: 'ok' })
    expect(report.healthy).toBe(true)
  },
)

test('reports expired credentials as a problem', async () => {
  const { report, finding } = await examine({
    make: (instance) => instance.failUntilLifted('credentials', 'expired'),
  })
  expect(finding('credentials')).toMatchObject({
    verdict: 'problem',
    fix: 'aws iam get-role --role-name app-role --query Role.AssumeRolePolicyDocument',
  })
  expect(report.healthy).toBe(false)
})

test('warns if IMDS answers only after failures', async () => {
  const { report, finding } = await examine({
    make: (instance) => instance.fail('credentials', { status: 503 }, { status: 429 }),
  })
  expect(finding('reach')).toMatchObject({ verdict: 'warning', facts: { requests: 5, failedRequests: 2 } })
  expect(report.healthy).toBe(true)
})

test('warns about a role from ECS or EKS', async () => {
  const { finding } = await examine({
    env: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x' },
  })
  expect(finding('other-sources')).toMatchObject({
    verdict: 'warning',
    fix: 'unset AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  })
})

test('does not treat a captive portal as open IMDSv1', async () => {
  const { finding } = await examine({
    make: (instance) => instance.failUntilLifted('all', 'html'),
    env: QUICK,
  })
  expect(finding('imdsv1')).toMatchObject({ verdict: 'skipped' })
  expect(finding('token')).toMatchObject({ code: 'BAD_RESPONSE', verdict: 'problem' })
})

test("counts only the requests of the load, and not the doctor's other requests", async () => {
  const { finding, instance } = await examine({
    make: (started) => started.failUntilLifted('/latest/meta-data/iam/info', { status: 503 }),
  })
  expect(instance.requests.filter((line) => line.includes('iam/info'))).toHaveLength(1)
  expect(finding('reach')).toMatchObject({ verdict: 'ok', facts: { requests: 3, failedRequests: 0 } })
})

test('reads region and instance ID without a token if no token can be had and IMDSv1 is open', async () => {
  const { finding } = await examine({
    options: { hopsAway: 1, httpTokens: 'optional' },
    env: { ...QUICK, AWS_METADATA_SERVICE_NUM_ATTEMPTS: '' },
  })
  expect(finding('hop-limit')?.fix).toMatch(/--region eu-central-1 --instance-id i-0123456789abcdef0 /)
})

test('waits for a slow IMDS as long as the provider does, and says that it waits', async () => {
  const slow: unknown[] = []
  const { instance, env } = await startInstance({
    make: (started) => started.fail('token', { delayMs: 1_700 }),
  })
  const report = await reportFrom({
    env: { ...env, AWS_METADATA_SERVICE_TIMEOUT: '5' },
    onSlow: (...told) => void slow.push(told),
  })
  expect(report.healthy).toBe(true)
  expect(findingsOf(report).finding('reach')).toMatchObject({ verdict: 'warning' })
  expect(slow).toEqual([[env.AWS_EC2_METADATA_SERVICE_ENDPOINT, 20_000]])
  expect(instance.requests.filter((line) => line.startsWith('PUT'))).toHaveLength(1)
})

test.each([
  { name: 'AWS_ACCESS_KEY_ID', file: { aws_access_key_id: 'STATICKEYID' } },
  { name: 'AWS_SECRET_ACCESS_KEY', file: { aws_secret_access_key: 'static-secret' } },
])('does not treat $name alone as an access key', async ({ name, file }) => {
  const { finding } = await examine({ env: { [name]: 'static' }, keysInFile: file })
  expect(finding('static-keys')).toMatchObject({ verdict: 'ok' })
  expect(finding('static-keys')?.message).toContain(`${name} is set without its other half`)
})

test('reports each setting and its origin', async () => {
  const { report } = await examine({ env: QUICK })
  expect(report.settings).toMatchObject({
    timeout: { value: 200, origin: 'environment variable AWS_METADATA_SERVICE_TIMEOUT' },
    roleName: { value: null, origin: 'default' },
  })
})
