import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { type EmulatedInstance, emulateInstance } from '../../src/testing/index.js'
import { NOWHERE } from '../nowhere.js'
import { isOnPath } from '../on-path.js'
import { FIRST_LOAD } from '../setup.js'
import { type CliSurroundings, runCli, startCli } from './run-cli.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const TEN_CLIENTS = fileURLToPath(new URL('ten-clients.mjs', import.meta.url))
const NODE = process.execPath
/** Other programs may use this machine as well. */
const PATIENT = { timeout: 15_000, interval: 20 }
const isUnix = process.platform !== 'win32'
const hasScript = process.platform === 'linux' && isOnPath('script')

async function listening(make: (instance: EmulatedInstance) => unknown = () => {}) {
  const instance = emulateInstance()
  onTestFinished(() => instance.close())
  make(instance)
  const { env } = await instance.listen()
  return { instance, env }
}

/** Runs a Node program with `exec`. */
function runProgram(source: string, surroundings: CliSurroundings = {}) {
  return runCli(['exec', '--', NODE, '--input-type=module', '--eval', source], surroundings)
}

/** A program that sends an SDK's request and prints the response. */
const ASK = `
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = process.env
  let given
  do {
    const response = await fetch(uri, { headers: { Authorization: token } })
    given = { uri, status: response.status, ...(await response.json()) }
  } while (given.Code === 'LOADING')
  console.log(JSON.stringify(given))`

test('gives a command the credentials of the role, prints nothing itself, and stops serving with it', async () => {
  const { instance, env } = await listening()
  const { status, stdout, stderr } = await runProgram(ASK, { env })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = instance.credentials ?? {}
  const { uri, ...given } = JSON.parse(stdout) as { uri: string }
  expect(await isServed(uri)).toBe(false)
  expect(given).toEqual({
    status: 200,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: expiration?.toISOString().replace('.000Z', 'Z'),
  })
})

test('serves in a process that may not compile at run time', async () => {
  const { instance, env } = await listening()
  const source = `
    const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = process.env
    const ask = () => process.getBuiltinModule('node:http').get(uri, { headers: { Authorization: token } }, (response) => {
      if (response.statusCode === 503) setTimeout(ask, 50)
      else response.pipe(process.stdout)
    })
    ask()`
  const { status, stdout } = await runProgram(source, { env: { ...env, NODE_OPTIONS: '--jitless' } })
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ AccessKeyId: instance.credentials?.accessKeyId })
})

test('makes one load for three processes of ten SDK clients', async () => {
  const { instance, env } = await listening()
  const { status, stdout, stderr } = await runCli(['exec', '--', NODE, TEN_CLIENTS, '3'], { env })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout.trim().split('\n')).toEqual(Array(30).fill(instance.credentials?.accessKeyId))
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('changes only the variables of the protocol in the environment of the command', async () => {
  const env = {
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/other',
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/other',
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1/other',
    AWS_REGION: 'eu-central-1',
    SOMETHING: 'else',
  }
  const { stdout } = await runProgram('console.log(JSON.stringify(process.env))', { env })
  const {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: uri,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    ...rest
  } = JSON.parse(stdout) as Record<string, string>
  expect(uri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/credentials$/)
  expect(token).toMatch(/^[\w-]{43}$/)
  expect(rest).toMatchObject({ AWS_REGION: 'eu-central-1', SOMETHING: 'else' })
  expect(Object.keys(rest).filter((name) => name.startsWith('AWS_CONTAINER'))).toEqual([])
})

test('runs the command if there is no role, and tells its clients why', async () => {
  const { env } = await listening((instance) => instance.disassociateProfile())
  const { status, stdout, stderr } = await runProgram(ASK, { env })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject({
    status: 400,
    Code: 'NO_ROLE',
    Message: expect.stringContaining('aws ec2 associate-iam-instance-profile') as string,
  })
})

test('waits for IMDS neither at the start nor at the end', async () => {
  const { env } = await listening((instance) => instance.failUntilLifted('all', 'silence'))
  // A load that takes longer than this test.
  const slow = { ...env, AWS_METADATA_SERVICE_TIMEOUT: '60' }
  const { status, stdout } = await runProgram('console.log("done")', { env: slow })
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'done\n' })
})

test.skipIf(!isUnix)('passes stdin, stdout and stderr through', async () => {
  const run = startCli(['exec', '--', 'sh', '-c', 'cat; echo problem >&2'])
  run.child.stdin?.end('what goes in\n')
  expect(await run.ended).toBe(0)
  expect({ stdout: run.stdout(), stderr: run.stderr() }).toEqual({
    stdout: 'what goes in\n',
    stderr: 'problem\n',
  })
})

function executableWithoutRights(): string {
  const folder = mkdtempSync(join(tmpdir(), 'exec-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'program')
  writeFileSync(file, '')
  chmodSync(file, 0o644)
  return file
}

test.skipIf(!isUnix).each([
  ['the status of the command', ['sh', '-c', 'exit 7'], 7, /^$/],
  ['128 + 15 after SIGTERM', ['sh', '-c', 'kill -TERM $$'], 143, /^$/],
  [
    '127 for a command that is not found',
    ['no-such-command'],
    127,
    /^instance-role exec: no-such-command: not found\n$/,
  ],
  ['126 for a folder', ['/'], 126, /^instance-role exec: \/: cannot be run \(EACCES\)\n$/],
])('ends with %s', async (_what, command, expected, says) => {
  const { status, stdout, stderr } = await runCli(['exec', '--', ...command])
  expect({ status, stdout }).toEqual({ status: expected, stdout: '' })
  expect(stderr).toMatch(says)
})

test.skipIf(!isUnix)('ends with 126 for a file that is not executable', async () => {
  expect((await runCli(['exec', '--', executableWithoutRights()])).status).toBe(126)
})

const BAD_CONFIG_LINK = 'https://github.com/instance-role/instance-role/blob/main/docs/errors.md#bad_config'

test.each([
  [[], 'give the command after --: instance-role exec -- <command>'],
  [['env'], "Unexpected argument 'env'"],
  [['--nonsense', '--', 'env'], "Unknown option '--nonsense'"],
  [
    ['--profile', '', '--', 'env'],
    `The option profile is "", not the name of a profile of the config file. Correct or remove that setting. ${BAD_CONFIG_LINK}`,
  ],
])('answers %j with a line and status 2', async (args, line) => {
  const { status, stdout, stderr } = await runCli(['exec', ...args])
  expect({ status, stdout, stderr }).toEqual({
    status: 2,
    stdout: '',
    stderr: `instance-role exec: ${line}\n`,
  })
})

/** A program that prints the signals it gets, and ends with status 5 at SIGTERM. */
const PRINT_SIGNALS = `
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT']) process.on(signal, () => console.log(signal))
  process.on('SIGTERM', () => process.exit(5))
  setInterval(() => {}, 1000)
  console.log('ready')`

test.skipIf(!isUnix)('passes signals on, and ends when the command does', async () => {
  const run = startCli(['exec', '--', NODE, '--eval', PRINT_SIGNALS])
  await expect.poll(run.stdout, PATIENT).toBe('ready\n')
  let printed = 'ready\n'
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
    run.child.kill(signal)
    printed += `${signal}\n`
    await expect.poll(run.stdout, PATIENT).toBe(printed)
  }
  run.child.kill('SIGTERM')
  expect(await run.ended).toBe(5)
  expect(run.stderr()).toBe('')
})

test.skipIf(!isUnix)('passes SIGINT on if no terminal sends it to all processes', async () => {
  const options = { detached: true, env: { ...process.env, ...NOWHERE } }
  const child = spawn(NODE, [MAIN, 'exec', '--', NODE, '--eval', PRINT_SIGNALS], options)
  onTestFinished(() => void child.kill('SIGKILL'))
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  await expect.poll(() => printed, PATIENT).toBe('ready\n')
  child.kill('SIGINT')
  await expect.poll(() => printed, PATIENT).toBe('ready\nSIGINT\n')
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([5, null])
})

test.skipIf(!hasScript)(
  "lets a terminal's Ctrl+C reach the command once (where this machine has script)",
  async () => {
    const program = `
    let count = 0
    process.on('SIGINT', () => { count += 1; setTimeout(() => { console.log('count ' + count); process.exit() }, 300) })
    setInterval(() => {}, 1000)
    console.log('ready')`
    const command = ['exec', '--', NODE, '--eval', program].map(
      (word) => `'${word.replaceAll("'", `'\\''`)}'`,
    )
    const args = ['-qec', `"${NODE}" "${MAIN}" ${command.join(' ')}`, '/dev/null']
    const terminal = spawn('script', args, { env: { ...process.env, ...NOWHERE } })
    onTestFinished(() => void terminal.kill('SIGKILL'))
    let printed = ''
    terminal.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
    await expect.poll(() => printed, PATIENT).toContain('ready')
    terminal.stdin.write('\x03')
    await once(terminal, 'exit')
    expect(printed).toMatch(/count 1\r?\n/)
  },
)

test.each([
  [
    'access keys',
    { AWS_ACCESS_KEY_ID: 'FAKE', AWS_SECRET_ACCESS_KEY: 'FAKE' },
    /AWS_ACCESS_KEY_ID, AWS_SECRET/,
  ],
  ['a profile', { AWS_PROFILE: 'other' }, /unset AWS_PROFILE$/],
  [
    'a web identity',
    { AWS_WEB_IDENTITY_TOKEN_FILE: '/x', AWS_ROLE_ARN: 'arn' },
    /AWS_WEB_IDENTITY_TOKEN_FILE/,
  ],
])('says in one line on stderr that SDKs prefer %s, and keeps them', async (_what, env, says) => {
  const { stdout, stderr } = await runProgram('console.log(JSON.stringify(process.env))', { env })
  expect(JSON.parse(stdout)).toMatchObject(env)
  expect(stderr).toMatch(/^instance-role exec: before the role of the instance, AWS SDKs try .*\n$/)
  expect(stderr.trimEnd()).toMatch(says)
  expect(stderr).not.toContain('FAKE')
})

test('says that SDKs prefer access keys in a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'exec-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'credentials')
  writeFileSync(file, '[default]\naws_access_key_id = FAKE\naws_secret_access_key = FAKE\n')
  const env = { AWS_SHARED_CREDENTIALS_FILE: file }
  const { stderr } = await runCli(['exec', '--', NODE, '--version'], { env })
  expect(stderr).toBe(
    `instance-role exec: before the role of the instance, AWS SDKs try the access keys in [default] of ${file}. To remove them: instance-role doctor\n`,
  )
})

/** Whether anybody listens at the address that a command was given. */
async function isServed(uri: string): Promise<boolean> {
  const socket = connect(Number(new URL(uri).port), '127.0.0.1')
  return once(socket, 'connect').then(
    () => {
      socket.destroy()
      return true
    },
    () => false,
  )
}

test.skipIf(!isUnix)('leaves only the command when it is killed', async () => {
  const program = `
    console.log(process.pid, process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI)
    setInterval(() => {}, 1000)`
  const run = startCli(['exec', '--', NODE, '--eval', program])
  await expect.poll(run.stdout, PATIENT).toMatch(/\n$/)
  const [pid = '', uri = ''] = run.stdout().trim().split(' ')
  onTestFinished(() => void process.kill(Number(pid), 'SIGKILL'))
  expect(await isServed(uri)).toBe(true)
  run.child.kill('SIGKILL')
  await once(run.child, 'exit')
  expect(await isServed(uri)).toBe(false)
  expect(process.kill(Number(pid), 0)).toBe(true)
})

test('explains its flags', async () => {
  const { status, stdout } = await runCli(['exec', '--help'])
  expect(status).toBe(0)
  expect(stdout).toMatch(/^Usage: instance-role exec /)
})
