import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { QUICK, startInstance } from '../diagnosis/examine.js'
import { WITHOUT_HOME } from '../without-home.js'
import { runCli } from './run-cli.js'
import { homeWithKeys, runDoctor, runDoctorJson } from './run-doctor.js'

test('shows a person an instance that is well, and ends with status 0', async () => {
  const { status, stdout, stderr } = await runDoctor()
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(/^ok +settings: .*\n\nThe instance role can be used.*\.\n$/s)
})

test('shows a person what is wrong, and ends with status 1', async () => {
  const { status, stdout, stderr } = await runDoctor({ make: (instance) => instance.disassociateProfile() })
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
  expect(stdout).toMatch(/^problem +instance-profile: .*\n +hint: .*\n +run: +aws ec2 associate-iam.*\n/m)
  expect(stdout).toMatch(/\n1 problem.*\.\n$/)
})

test('tells machines the same as documented, with the same status', async () => {
  const { status, report } = await runDoctorJson({ make: (instance) => instance.disassociateProfile() })
  expect({ status, healthy: report.healthy }).toEqual({ status: 1, healthy: false })
})

test('says that the event loop was blocked, where a time limit passed meanwhile', async () => {
  const block = `import http from 'node:http'
    http.ClientRequest = class extends http.ClientRequest {
      constructor(options) {
        super(options)
        const until = options.path.endsWith('/app-role') ? Date.now() + 1300 : 0
        setTimeout(() => { while (Date.now() < until); }, 20)
      }
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

test('ends in time however slowly IMDS answers', async () => {
  const { status, finding } = await runDoctorJson({
    make: (instance) => instance.failUntilLifted('all', { dripMs: 200 }),
    env: { AWS_METADATA_SERVICE_TIMEOUT: '60' },
  })
  expect(finding('token')).toMatchObject({ code: 'TIMEOUT', verdict: 'problem' })
  expect(status).toBe(1)
})

test('says that the files which are named cannot be read for want of a home directory', async () => {
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(WITHOUT_HOME)}`
  const env = { NODE_OPTIONS, AWS_CONFIG_FILE: fileURLToPath(import.meta.url) }
  const { status, stderr, finding } = await runDoctorJson({ env })
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
  expect(finding('settings')).toMatchObject({ code: 'BAD_CONFIG', verdict: 'problem' })
  expect(finding('settings')?.message).toMatch(/not read for want of a home directory: set HOME\.$/)
})

test.skipIf(process.platform === 'win32')('warns of a file that is a pipe, and ends as ever', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const { env } = await startInstance({})
  const { status, finding } = await runDoctorJson({ env: { ...env, AWS_CONFIG_FILE: pipe } })
  expect(finding('settings')).toMatchObject({
    verdict: 'warning',
    message: `The config file ${pipe} is ignored: it is a pipe (FIFO).`,
  })
  expect(status).toBe(0)
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
