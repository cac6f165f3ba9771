import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { QUICK, startInstance } from '../diagnosis/examine.js'
import { WITHOUT_HOME } from '../without-home.js'
import { runCli } from './run-cli.js'
import { homeWithKeys, runDoctor, runDoctorJson } from './run-doctor.js'

/** Except for the line that the doctor prints on a busy machine. */
const SILENT = /^(instance-role doctor: .*; retrying, for at most \d+ s\n)?$/

test('shows a person a healthy instance, and ends with status 0', async () => {
  const { status, stdout, stderr } = await runDoctor()
  expect(status).toBe(0)
  expect(stderr).toMatch(SILENT)
  expect(stdout).toMatch(
    /^✓ The instance role app-role can be used\. .*\n\d+ ok.* \(--verbose shows all\)\n$/m,
  )
})

test('shows a person the problem, and ends with status 1', async () => {
  const { status, stdout, stderr } = await runDoctor({ make: (instance) => instance.disassociateProfile() })
  expect(status).toBe(1)
  expect(stderr).toMatch(SILENT)
  expect(stdout).toMatch(
    /^✗ NO_ROLE {2}No instance profile .*\n {2}hint {2}.*\n {2}fix {3}aws ec2 associate-iam.*\n {2}docs {2}\S+\n\d+ ok.*\n$/m,
  )
})

test('shows every check and setting with --verbose', async () => {
  const { stdout } = await runDoctor({}, ['--verbose'])
  expect(stdout).toMatch(/^ {2}deadline: 10000 \(default\)$/m)
  expect(stdout).toMatch(/^✓ hop-limit {2}/m)
  expect(stdout).not.toContain('--verbose shows all')
})

const RED = '\u001b[31m'

/** What a terminal of 80 columns shows. */
function runInTerminal(env: Readonly<Record<string, string>> = {}) {
  const terminal = 'Object.assign(process.stdout, { isTTY: true, columns: 80 })'
  return runDoctor({
    make: (instance) => instance.disassociateProfile(),
    env: {
      TERM: 'xterm-256color',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(terminal)}`,
      ...env,
    },
  })
}

test('is coloured in a terminal, and as wide as the terminal', async () => {
  const { stdout } = await runInTerminal()
  expect(stdout).toContain(`${RED}✗ NO_ROLE`)
  expect(stdout).toMatch(/^ {2}fix {3}aws ec2 associate-iam-instance-profile --region eu-central-1 \\$/m)
})

test('is plain in a terminal if NO_COLOR is set, and as wide as the terminal', async () => {
  const { stdout } = await runInTerminal({ NO_COLOR: '1' })
  expect(stdout).toMatch(/^✗ NO_ROLE/m)
  expect(stdout).not.toContain('\u001b')
  expect(stdout).toMatch(/^ {2}fix {3}aws ec2 associate-iam-instance-profile --region eu-central-1 \\$/m)
})

test('says on stderr that it waits, after IMDS has taken a second', async () => {
  const { status, stderr, report } = await runDoctorJson({
    make: (instance) => instance.fail('token', { delayMs: 1_300 }),
    env: { AWS_METADATA_SERVICE_TIMEOUT: '5' },
  })
  expect(stderr).toMatch(/^instance-role doctor: IMDS at http:\S+ .*; retrying, for at most 20 s\n$/)
  expect({ status, healthy: report.healthy }).toEqual({ status: 0, healthy: true })
})

test('prints the documented JSON for machines, with the same status', async () => {
  const { status, report } = await runDoctorJson({ make: (instance) => instance.disassociateProfile() })
  expect({ status, healthy: report.healthy }).toEqual({ status: 1, healthy: false })
})

test('says that the event loop was blocked, if a time limit passed during that time', async () => {
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
  'removes only the static keys with the command that it prints',
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

test('ends within the time limits of the provider however slowly IMDS answers', async () => {
  const { status, finding } = await runDoctorJson({
    make: (instance) => instance.failUntilLifted('all', { dripMs: 200 }),
    env: { AWS_METADATA_SERVICE_TIMEOUT: '0.4', AWS_METADATA_SERVICE_NUM_ATTEMPTS: '2' },
  })
  expect(finding('token')).toMatchObject({ code: 'TIMEOUT', verdict: 'problem' })
  expect(status).toBe(1)
})

test('says that the named files cannot be read because there is no home directory', async () => {
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(WITHOUT_HOME)}`
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'config')
  writeFileSync(file, '[default]\nmetadata_service_timeout = 2\n')
  const env = { NODE_OPTIONS, AWS_CONFIG_FILE: file }
  const { status, stderr, finding } = await runDoctorJson({ env })
  expect(status).toBe(1)
  expect(stderr).toMatch(SILENT)
  expect(finding('settings')).toMatchObject({ code: 'BAD_CONFIG', verdict: 'problem' })
  expect(finding('settings')?.message).toMatch(/not read, because there is no home directory\.$/)
})

test.skipIf(process.platform === 'win32')(
  'warns about a file that is a pipe, and ends as usual',
  async () => {
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
  },
)

test.each([
  ['--jsn', '--json'],
  ['--verb', '--verbose'],
  ['--profiel=app', '--profile'],
])('suggests the likely word for %s', async (flag, meant) => {
  const { status, stderr } = await runCli(['doctor', flag])
  expect(status).toBe(2)
  expect(stderr).toMatch(new RegExp(`^instance-role doctor: Unknown option .*; did you mean ${meant}\\?\\n$`))
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

test('explains its flags', async () => {
  const { status, stdout } = await runCli(['doctor', '--help'])
  expect(status).toBe(0)
  expect(stdout).toMatch(/^Usage: instance-role doctor /)
})
