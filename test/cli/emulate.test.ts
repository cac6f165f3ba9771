import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { UsageError } from '../../src/cli/command.js'
import { parseEmulateOptions } from '../../src/cli/emulate-options.js'
import { fromInstanceRole } from '../../src/index.js'
import { isOnPath } from '../on-path.js'
import { runCli, startEmulate } from './run-cli.js'

const run = promisify(execFile)
const hasAwsCli = isOnPath('aws')
const hasBotocore = spawnSync('python3', ['-c', 'import botocore'], { stdio: 'ignore' }).status === 0

const LISTING_PATH = '/latest/meta-data/iam/security-credentials/'
const ONE_LOAD = ['PUT /latest/api/token 200', `GET ${LISTING_PATH} 200`, `GET ${LISTING_PATH}app-role 200`]
const TTL = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' }

function provider(endpoint: string) {
  const credentials = fromInstanceRole({ endpoint, isolated: true, timeout: 300 })
  onTestFinished(() => credentials.close())
  return credentials
}

async function ask(url: string, method = 'GET', headers: Record<string, string> = {}) {
  const request = httpRequest(url, { method, headers, agent: false }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { status: response.statusCode, body: await text(response) }
}

async function read(endpoint: string, path: string): Promise<string> {
  const { body: token } = await ask(`${endpoint}/latest/api/token`, 'PUT', TTL)
  return (await ask(endpoint + path, 'GET', { 'X-aws-ec2-metadata-token': token })).body
}

function requestLines(stderr: string): string[] {
  return stderr.split('\n').filter((line) => /^[A-Z]+ \//.test(line))
}

test('a program gets credentials by the variables that are printed, and each request is logged', async () => {
  const { endpoint, env, stdout, stderr } = await startEmulate()
  expect(Object.keys(env)).toEqual(['AWS_EC2_METADATA_SERVICE_ENDPOINT'])
  expect(stdout()).toBe(`export AWS_EC2_METADATA_SERVICE_ENDPOINT=${endpoint}\n`)
  expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  const program = `
    import { fromInstanceRole } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
    console.log(JSON.stringify(await fromInstanceRole()()))`
  const child = await run(process.execPath, ['--input-type=module', '--eval', program], { env: { ...env } })
  const credentials = JSON.parse(child.stdout) as Record<
    'accessKeyId' | 'secretAccessKey' | 'sessionToken',
    string
  >
  expect(credentials.accessKeyId).toMatch(/^FAKE/)
  await expect.poll(() => requestLines(stderr())).toEqual(ONE_LOAD)
  for (const secret of [credentials.accessKeyId, credentials.secretAccessKey, credentials.sessionToken])
    expect(stderr()).not.toContain(secret)
})

test('answers from a process that may not compile at run time', async () => {
  const { endpoint } = await startEmulate([], { env: { NODE_OPTIONS: '--jitless' } })
  expect(await read(endpoint, LISTING_PATH)).toBe('app-role')
})

test.skipIf(!hasBotocore)('botocore gets credentials by the variables that are printed', async () => {
  const { env, stderr } = await startEmulate()
  const script = 'from botocore.session import Session; print(Session().get_credentials().access_key)'
  const noFiles = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
  const { stdout } = await run('python3', ['-c', script], {
    env: { PATH: process.env['PATH'], ...noFiles, ...env },
  })
  expect(stdout).toMatch(/^FAKE\w+\n$/)
  expect(requestLines(stderr())).toEqual(ONE_LOAD)
})

test.skipIf(!hasAwsCli)('the AWS CLI uses the role by the variables that are printed', async () => {
  const { env } = await startEmulate()
  const noFiles = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
  const { stdout } = await run('aws', ['configure', 'list'], {
    env: { PATH: process.env['PATH'], ...noFiles, ...env },
  })
  expect(stdout).toMatch(/access_key.*iam-role/)
})

test('serves the role and the instance profile by their names', async () => {
  const { endpoint } = await startEmulate(['--role-name', 'my-role', '--instance-profile-name', 'my-profile'])
  expect(await read(endpoint, LISTING_PATH)).toBe('my-role')
  expect(await read(endpoint, '/latest/meta-data/iam/info')).toContain(':instance-profile/my-profile"')
})

test('credentials live as long as --lifetime says', async () => {
  const { endpoint } = await startEmulate(['--lifetime', '15m'])
  const document = JSON.parse(await read(endpoint, `${LISTING_PATH}app-role`)) as Record<string, string>
  const at = (name: string) => Date.parse(document[name] ?? '')
  expect(at('Expiration') - at('LastUpdated')).toBe(900_000)
})

test.each([
  ['90', 90],
  ['90s', 90],
  ['15m', 900],
  ['2h', 7_200],
])('takes --lifetime %s for %i s', (lifetime, seconds) => {
  expect(parseEmulateOptions(['--lifetime', lifetime]).lifetimeSeconds).toBe(seconds)
})

test('listens on the port that it is told', async () => {
  const port = await freePort()
  const { endpoint } = await startEmulate(['--port', String(port)])
  expect(endpoint).toBe(`http://127.0.0.1:${port}`)
  expect((await ask(`${endpoint}/latest/`)).status).toBe(401)
})

test('answers without a token where --http-tokens is optional', async () => {
  const { endpoint } = await startEmulate(['--http-tokens', 'optional'])
  expect(await ask(endpoint + LISTING_PATH)).toEqual({ status: 200, body: 'app-role' })
})

test('answers no token request from beyond --hop-limit', async () => {
  const { endpoint, stderr } = await startEmulate(['--hop-limit', '2', '--hops-away', '2'])
  await expect(provider(endpoint)()).rejects.toMatchObject({ code: 'HOP_LIMIT' })
  expect(requestLines(stderr())).toContain('PUT /latest/api/token silence')
})

test('answers token requests from within --hop-limit', async () => {
  const { endpoint } = await startEmulate(['--hop-limit', '3', '--hops-away', '2'])
  expect((await provider(endpoint)()).accessKeyId).toMatch(/^FAKE/)
})

test('refuses a foreign Host', async () => {
  const { endpoint, stderr } = await startEmulate(['--http-tokens', 'optional'])
  const url = endpoint + LISTING_PATH
  expect((await ask(url, 'GET', { Host: 'attacker.example' })).status).toBe(403)
  expect(
    (await ask(`${endpoint}/latest/api/token`, 'PUT', { ...TTL, Host: 'attacker.example' })).status,
  ).toBe(403)
  expect((await ask(url, 'GET', { Host: 'localhost' })).status).toBe(200)
  expect(requestLines(stderr())[0]).toBe(`GET ${LISTING_PATH} 403`)
})

test('refuses whatever was forwarded', async () => {
  const { endpoint } = await startEmulate(['--http-tokens', 'optional'])
  const forwarded = { 'X-Forwarded-For': '10.0.0.1' }
  expect((await ask(endpoint + LISTING_PATH, 'GET', forwarded)).status).toBe(403)
  expect((await ask(`${endpoint}/latest/api/token`, 'PUT', { ...TTL, ...forwarded })).status).toBe(403)
})

test('lets no request write to the terminal', async () => {
  const { endpoint, stderr } = await startEmulate()
  const socket = connect(Number(new URL(endpoint).port), '127.0.0.1')
  socket.write(Buffer.from('GET /\u009b31m HTTP/1.1\r\nHost: localhost\r\n\r\n', 'latin1'))
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /)
  expect(stderr()).not.toMatch(/\u009b|\ufffd/)
})

test.each(['SIGINT', 'SIGTERM'] as const)(
  'stops cleanly on %s, whatever is left unanswered',
  async (signal) => {
    const { endpoint, child, ended, stderr } = await startEmulate(['--hops-away', '1'])
    const unanswered = ask(`${endpoint}/latest/api/token`, 'PUT', TTL).catch((error: unknown) => error)
    await expect.poll(() => requestLines(stderr())).toHaveLength(1)
    child.kill(signal)
    expect(await ended).toBe(0)
    expect(stderr()).toMatch(/\ninstance-role emulate: stopped\n$/)
    expect(await unanswered).toMatchObject({ code: 'ECONNRESET' })
  },
)

test('says that a port is in use', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  const port = portOf(taken)
  expect(await runCli(['emulate', '--port', String(port)])).toEqual({
    status: 2,
    stdout: '',
    stderr: `instance-role emulate: cannot listen on port ${port} of 127.0.0.1: it is in use; take another with --port\n`,
  })
})

test.each([
  [['--port', 'http'], '--port must be an integer from 0 to 65535'],
  [['--nonsense'], "Unknown option '--nonsense'"],
  [['--port'], "Option '--port <value>' argument missing"],
  [['surplus'], "Unexpected argument 'surplus'"],
])('answers %j with a line and status 2', async (args, line) => {
  const { status, stdout, stderr } = await runCli(['emulate', ...args])
  expect({ status, stdout, stderr }).toEqual({
    status: 2,
    stdout: '',
    stderr: `instance-role emulate: ${line}\n`,
  })
})

test.each([
  [['--port', 'http'], '--port must be an integer from 0 to 65535'],
  [['--port', '65536'], '--port must be an integer from 0 to 65535'],
  [['--hop-limit', '0'], '--hop-limit must be an integer from 1 to 64'],
  [['--hops-away', '1.5'], '--hops-away must be an integer from 0 to 64'],
  [['--lifetime', '1d'], '--lifetime must be seconds, or a duration such as 15m or 6h'],
  [['--lifetime', '0'], '--lifetime must be at least 1s'],
  [['--http-tokens', 'maybe'], '--http-tokens must be optional or required'],
  [['--role-name', 'a/b'], '--role-name must be 1 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -'],
  [
    ['--instance-profile-name='],
    '--instance-profile-name must be 1 to 128 of the characters A-Z a-z 0-9 _ + = , . @ -',
  ],
  [
    ['--assume-role', 'app-role'],
    '--assume-role must be the ARN of a role, such as arn:aws:iam::123456789012:role/app-role',
  ],
  [
    ['--assume-role', 'arn:aws:iam::123456789012:role/app-role', '--lifetime', '14m'],
    '--lifetime must be from 15m to 12h with --assume-role',
  ],
])('refuses %j by its name', (args, line) => {
  expect(() => parseEmulateOptions(args)).toThrow(new UsageError(line))
})

test('explains every flag', async () => {
  const { status, stdout } = await runCli(['emulate', '--help'])
  expect(status).toBe(0)
  const flags =
    'port role-name instance-profile-name lifetime http-tokens hop-limit hops-away assume-role help'
  expect([...stdout.matchAll(/^ {2}--([\w-]+)/gm)].map(([, flag]) => flag)).toEqual(flags.split(' '))
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port')
  return address.port
}
