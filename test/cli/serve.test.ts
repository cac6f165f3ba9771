import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromHttp } from '@aws-sdk/credential-providers'
import { expect, onTestFinished, test } from 'vitest'
import { serve } from '../../src/cli/serve.js'
import { type EmulatedInstance, emulateInstance } from '../../src/testing/index.js'
import { isOnPath } from '../on-path.js'
import { sendRaw } from './odd-requests.js'
import { runCli, startCli } from './run-cli.js'

/** Other programs may use this machine as well. */
const PATIENT = { timeout: 15_000, interval: 20 }
const isUnix = process.platform !== 'win32'
const isRoot = process.getuid?.() === 0
const hasSystemdNotify = isOnPath('systemd-notify') && isOnPath('python3')

async function listening(make: (instance: EmulatedInstance) => unknown = () => {}) {
  const instance = emulateInstance()
  onTestFinished(() => instance.close())
  make(instance)
  const { env } = await instance.listen()
  return { instance, env }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'serve-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Starts `instance-role serve`, and reads the two lines. */
async function startServe(
  env: Readonly<Record<string, string>>,
  { port = 0, folder = temporaryFolder() } = {},
) {
  const tokenFile = join(folder, 'token')
  const run = startCli(['serve', '--port', String(port), '--token-file', tokenFile], { env })
  await expect.poll(() => run.stdout() || run.stderr(), PATIENT).toMatch(/_FILE=.*\n/)
  const [, uri = ''] = /^AWS_CONTAINER_CREDENTIALS_FULL_URI=(.*)$/m.exec(run.stdout()) ?? []
  return { ...run, uri, tokenFile, folder, token: () => readFileSync(tokenFile, 'utf8') }
}

/** The SDK's provider for the protocol. */
function sdkProvider({ uri, tokenFile }: { uri: string; tokenFile: string }) {
  return fromHttp({ awsContainerCredentialsFullUri: uri, awsContainerAuthorizationTokenFile: tokenFile })
}

async function health(uri: string): Promise<unknown> {
  const response = await fetch(new URL('/healthz', uri))
  return { status: response.status, ...((await response.json()) as object) }
}

test('prints the two variables, writes the token only to its file, and stops with status 0', async () => {
  const { instance, env } = await listening()
  const { uri, tokenFile, token, child, ended, stdout, stderr } = await startServe(env)
  expect(stdout()).toBe(
    `AWS_CONTAINER_CREDENTIALS_FULL_URI=${uri}\nAWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=${tokenFile}\n`,
  )
  expect(uri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/credentials$/)
  expect(token()).toMatch(/^[\w-]{43}$/)
  expect(await sdkProvider({ uri, tokenFile })()).toMatchObject({
    accessKeyId: instance.credentials?.accessKeyId,
    sessionToken: instance.credentials?.sessionToken,
  })
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  for (const secret of [token(), instance.credentials?.secretAccessKey, instance.credentials?.sessionToken])
    expect(stdout() + stderr()).not.toContain(secret)
})

test.skipIf(!isUnix)(
  'writes the token for this user only, whatever the umask, and no other file',
  async () => {
    const before = process.umask(0)
    onTestFinished(() => void process.umask(before))
    const { tokenFile, folder } = await startServe({})
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['token'])
  },
)

test('serves its clients again after it was killed and restarted, with another token', async () => {
  const { instance, env } = await listening()
  const first = await startServe(env)
  const credentials = sdkProvider(first)
  await credentials()
  const oldToken = first.token()
  first.child.kill('SIGKILL')
  await first.ended
  await expect(fetch(first.uri)).rejects.toThrow('fetch failed')
  instance.rotate()
  const again = await startServe(env, { port: Number(new URL(first.uri).port), folder: first.folder })
  expect(await credentials()).toMatchObject({ accessKeyId: instance.credentials?.accessKeyId })
  const refused = await fetch(again.uri, { headers: { Authorization: oldToken } })
  expect(refused.status).toBe(403)
})

test('reports the state of the role without a token', async () => {
  const { instance, env } = await listening((one) => one.failUntilLifted('credentials', { code: 'Failed' }))
  const server = await startServe(env)
  await expect.poll(() => health(server.uri), PATIENT).toEqual({ status: 503, state: 'failing' })
  instance.clearFaults()
  await sdkProvider(server)()
  expect(await health(server.uri)).toEqual({ status: 200, state: 'ok' })
})

test('reads requests strictly, whatever flags Node is started with', async () => {
  const { uri } = await startServe({ NODE_OPTIONS: '--insecure-http-parser' })
  const port = Number(new URL(uri).port)
  const lineFeedsAlone = `GET /healthz HTTP/1.1\nHost: 127.0.0.1:${port}\nConnection: close\n\n`
  expect(await sendRaw(port, lineFeedsAlone)).toMatch(/^HTTP\/1\.1 400 /)
})

type Obstacle = (path: string) => void

test.skipIf(!isUnix).each<[string, Obstacle, RegExp]>([
  [
    'that others can read',
    (path) => writeFileSync(path, 'x', { mode: 0o644 }),
    /can be read or written by others/,
  ],
  [
    'that its group can write',
    (path) => {
      writeFileSync(path, 'x')
      chmodSync(path, 0o620)
    },
    /by others/,
  ],
  ['that is a symbolic link', (path) => symlinkSync('elsewhere', path), /is a link/],
  [
    'that has two names',
    (path) => {
      writeFileSync(path, 'x', { mode: 0o600 })
      linkSync(path, `${path}2`)
    },
    /is a link/,
  ],
  ['that is a folder', (path) => mkdirSync(path, { mode: 0o700 }), /is not a regular file/],
  ['in a folder that does not exist', (path) => rmSync(join(path, '..'), { recursive: true }), /ENOENT/],
])('refuses a token file %s, and does not change it', async (_what, make, says) => {
  const folder = join(temporaryFolder(), 'inner')
  mkdirSync(folder)
  const path = join(folder, 'token')
  make(path)
  const before = lstatSync(path, { throwIfNoEntry: false })
  const { status, stdout, stderr } = await runCli(['serve', '--port', '0', '--token-file', path])
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(/^instance-role serve: --token-file .*\n$/m)
  expect(stderr).toMatch(says)
  expect(lstatSync(path, { throwIfNoEntry: false })?.ino).toBe(before?.ino)
})

test.skipIf(!isRoot)('refuses a token file of another user (where the tests are root)', async () => {
  const path = join(temporaryFolder(), 'token')
  writeFileSync(path, 'x', { mode: 0o600 })
  chownSync(path, 65_534, 65_534)
  const { status, stderr } = await runCli(['serve', '--port', '0', '--token-file', path])
  expect(status).toBe(2)
  expect(stderr).toContain('belongs to another user')
})

test('keeps the token of the server that has the port', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const path = join(temporaryFolder(), 'token')
  writeFileSync(path, 'token of the first', { mode: 0o600 })
  expect(await runCli(['serve', '--port', String(port), '--token-file', path])).toEqual({
    status: 2,
    stdout: '',
    stderr: `instance-role serve: cannot listen on port ${port} of loopback: it is in use; take another with --port\n`,
  })
  expect(readFileSync(path, 'utf8')).toBe('token of the first')
})

test.each([
  [['--token-file', 'x'], '--port is required'],
  [['--port', '1'], '--token-file is required'],
  [['--port', 'http', '--token-file', 'x'], '--port must be an integer from 0 to 65535'],
  [['--port', '65536', '--token-file', 'x'], '--port must be an integer from 0 to 65535'],
  [['--port', '1', '--token-file', 'a\nb=c'], '--token-file must not contain control characters'],
  [['--nonsense'], "Unknown option '--nonsense'"],
])('refuses %j', async (args, line) => {
  await expect(serve.run(args)).rejects.toThrow(line)
})

test.skipIf(!isUnix)('opens no debugger at SIGUSR1', async () => {
  const { env } = await listening()
  const { child, uri, stderr, ended } = await startServe(env)
  child.kill('SIGUSR1')
  await expect.poll(() => health(uri), PATIENT).toEqual({ status: 200, state: 'ok' })
  child.kill('SIGINT')
  expect(await ended).toBe(0)
  expect(stderr()).not.toMatch(/debugger/i)
})

/** Stands in for systemd: prints the first message that comes to the socket that it is given. */
const RECEIVE = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
receiver.settimeout(15)
print('bound', flush=True)
print(receiver.recv(4096).decode(), flush=True)`

test.skipIf(!hasSystemdNotify)(
  'notifies systemd when it is ready (where this machine has systemd-notify)',
  async () => {
    const socket = join(temporaryFolder(), 'notify')
    const receiver = spawn('python3', ['-c', RECEIVE, socket])
    onTestFinished(() => void receiver.kill('SIGKILL'))
    let received = ''
    receiver.stdout.on('data', (chunk: Buffer) => (received += chunk.toString()))
    await expect.poll(() => received, PATIENT).toBe('bound\n')
    const { tokenFile } = await startServe({ NOTIFY_SOCKET: socket })
    await expect.poll(() => received, PATIENT).toContain('READY=1')
    expect(statSync(tokenFile).size).toBe(43)
  },
)

test('explains every flag', async () => {
  const { status, stdout } = await runCli(['serve', '--help'])
  expect(status).toBe(0)
  const flags = [...stdout.matchAll(/^ {2}--([\w-]+)/gm)].map(([, flag]) => flag)
  expect(flags).toEqual(['port', 'token-file', 'ipv6', 'profile', 'help'])
})
