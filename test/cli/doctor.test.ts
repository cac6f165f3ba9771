import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { runCli } from './run-cli.js'
import { clockSince, homeWithKeys, QUICK, runDoctorJson } from './run-doctor.js'

test('says that an instance which was just launched may get its role later', async () => {
  const { finding } = await runDoctorJson({
    options: { clock: clockSince(30_000) },
    make: (instance) => instance.disassociateProfile(),
  })
  expect(finding('instance-profile')?.message).toMatch(/launched only 3\d s ago.*waitForRole/)
})

test('says that the event loop was blocked, where a time limit passed meanwhile', async () => {
  const block = `const { fetch } = globalThis
    globalThis.fetch = (url, init) => {
      const answer = fetch(url, init)
      const until = url.endsWith('/app-role') ? Date.now() + 1300 : 0
      setTimeout(() => { while (Date.now() < until); }, 20)
      return answer
    }`
  const { status, finding } = await runDoctorJson({
    make: (instance) => instance.failUntilLifted('credentials', 'silence'),
    env: { ...QUICK, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(block)}` },
  })
  expect(finding('credentials')).toMatchObject({ code: 'TIMEOUT', verdict: 'problem' })
  expect(finding('credentials')?.message).toMatch(/event loop of this process was blocked for \d{4} ms/)
  expect(finding('event-loop')).toMatchObject({ verdict: 'warning' })
  expect(status).toBe(1)
})

test('warns that IMDSv1 is still open, and stays healthy', async () => {
  const { status, finding } = await runDoctorJson({ options: { httpTokens: 'optional' } })
  expect(finding('imdsv1')).toMatchObject({
    verdict: 'warning',
    fix: 'aws ec2 modify-instance-metadata-options --instance-id i-0123456789abcdef0 --http-tokens required',
  })
  expect(status).toBe(0)
})

test.each([
  { behindMs: 120_000, verdict: 'warning', expected: 0 },
  { behindMs: 600_000, verdict: 'problem', expected: 1 },
])('calls a clock that is $behindMs ms ahead a $verdict', async ({ behindMs, verdict, expected }) => {
  const { sleep } = clockSince(0)
  const { status, finding } = await runDoctorJson({
    options: { clock: { now: () => Date.now() - behindMs, sleep } },
  })
  expect(finding('clock')).toMatchObject({ verdict })
  expect(finding('clock')?.message).toContain('min ahead of that of IMDS')

  expect(finding('credentials')).toMatchObject({ verdict: 'ok' })
  expect(status).toBe(expected)
})

test('calls credentials that have ended a problem', async () => {
  const { status, finding } = await runDoctorJson({
    make: (instance) => instance.failUntilLifted('credentials', 'expired'),
  })
  expect(finding('credentials')).toMatchObject({
    verdict: 'problem',
    fix: 'aws iam get-role --role-name app-role --query Role.AssumeRolePolicyDocument',
  })
  expect(status).toBe(1)
})

test('warns where IMDS answers only after failures', async () => {
  const { status, finding } = await runDoctorJson({
    make: (instance) => instance.fail('credentials', { status: 503 }, { status: 429 }),
  })
  expect(finding('reach')).toMatchObject({ verdict: 'warning', facts: { failedRequests: 2 } })
  expect(status).toBe(0)
})

test('warns of a role that ECS or EKS gives', async () => {
  const { finding } = await runDoctorJson({
    env: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x' },
  })
  expect(finding('other-sources')).toMatchObject({
    verdict: 'warning',
    fix: 'unset AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  })
})

test('does not warn of a proxy from which IMDS is exempt', async () => {
  const env = { http_proxy: 'http://127.0.0.1:9', no_proxy: 'localhost, 127.0.0.1' }
  const { finding } = await runDoctorJson({ env })
  expect(finding('proxy')).toMatchObject({ verdict: 'ok' })
})

test.skipIf(process.platform !== 'linux')(
  'removes static keys with the command that it gives, and no others',
  async () => {
    const env = homeWithKeys()
    const { finding } = await runDoctorJson({ env })
    execFileSync('sh', ['-c', finding('static-keys')?.fix ?? 'false'], { env: { ...process.env, ...env } })
    const after = await runDoctorJson({ env })
    expect(after.finding('static-keys')).toMatchObject({ verdict: 'ok' })
    const other = await runDoctorJson({ env }, ['--profile', 'other'])
    expect(other.finding('static-keys')).toMatchObject({
      verdict: 'warning',
      facts: { file: '~/.aws/credentials' },
    })
  },
)

test('tells each setting and where it comes from', async () => {
  const { report } = await runDoctorJson({ env: QUICK })
  expect(report.settings).toMatchObject({
    timeoutMs: { value: 200, origin: 'environment variable AWS_METADATA_SERVICE_TIMEOUT' },
    roleName: { value: null, origin: 'default' },
  })
})

test('ends in time however slowly IMDS answers', async () => {
  const { status, finding } = await runDoctorJson({
    make: (instance) => instance.failUntilLifted('all', { dripMs: 200 }),
    env: { AWS_METADATA_SERVICE_TIMEOUT: '60' },
  })
  expect(finding('token')).toMatchObject({ code: 'TIMEOUT', verdict: 'problem' })
  expect(status).toBe(1)
})

test.each([
  [['--nonsense'], "Unknown option '--nonsense'"],
  [['nonsense'], "Unexpected argument 'nonsense'"],
])('answers %j with a line and status 2', async (args, says) => {
  const { status, stdout, stderr } = await runCli(['doctor', ...args])
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(/^instance-role doctor: .*\n$/)
  expect(stderr).toContain(says)
})

test('explains itself', async () => {
  const { status, stdout } = await runCli(['doctor', '--help'])
  expect(status).toBe(0)
  expect(stdout).toMatch(/^Usage: instance-role doctor /)
})
