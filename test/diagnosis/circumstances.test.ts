import { expect, test } from 'vitest'
import { clockSince, examine, QUICK } from './examine.js'

test('says that an instance which was just launched may get its role later', async () => {
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
    fix: 'aws ec2 modify-instance-metadata-options --instance-id i-0123456789abcdef0 --http-tokens required',
  })
  expect(report.healthy).toBe(true)
})

test.each([
  { behindMs: 120_000, verdict: 'warning', healthy: true },
  { behindMs: 600_000, verdict: 'problem', healthy: false },
])('calls a clock that is $behindMs ms ahead a $verdict', async ({ behindMs, verdict, healthy }) => {
  const { sleep } = clockSince(0)
  const { report, finding } = await examine({
    options: { clock: { now: () => Date.now() - behindMs, sleep } },
  })
  expect(finding('clock')).toMatchObject({ verdict })
  expect(finding('clock')?.message).toContain('min ahead of that of IMDS')
  expect(finding('credentials')).toMatchObject({ verdict: 'ok' })
  expect(report.healthy).toBe(healthy)
})

test('calls credentials that have ended a problem', async () => {
  const { report, finding } = await examine({
    make: (instance) => instance.failUntilLifted('credentials', 'expired'),
  })
  expect(finding('credentials')).toMatchObject({
    verdict: 'problem',
    fix: 'aws iam get-role --role-name app-role --query Role.AssumeRolePolicyDocument',
  })
  expect(report.healthy).toBe(false)
})

test('warns where IMDS answers only after failures', async () => {
  const { report, finding } = await examine({
    make: (instance) => instance.fail('credentials', { status: 503 }, { status: 429 }),
  })
  expect(finding('reach')).toMatchObject({ verdict: 'warning', facts: { failedRequests: 2 } })
  expect(report.healthy).toBe(true)
})

test('warns of a role that ECS or EKS gives', async () => {
  const { finding } = await examine({
    env: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x' },
  })
  expect(finding('other-sources')).toMatchObject({
    verdict: 'warning',
    fix: 'unset AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  })
})

test('does not warn of a proxy from which IMDS is exempt', async () => {
  const env = { http_proxy: 'http://127.0.0.1:9', no_proxy: 'localhost, 127.0.0.1' }
  const { finding } = await examine({ env })
  expect(finding('proxy')).toMatchObject({ verdict: 'ok' })
})

test('tells each setting and where it comes from', async () => {
  const { report } = await examine({ env: QUICK })
  expect(report.settings).toMatchObject({
    timeout: { value: 200, origin: 'environment variable AWS_METADATA_SERVICE_TIMEOUT' },
    roleName: { value: null, origin: 'default' },
  })
})
