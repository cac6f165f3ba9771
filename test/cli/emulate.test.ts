import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { EMULATE_FLAGS } from '../../src/cli/emulate-options.js'
import { fromInstanceRole } from '../../src/index.js'
import { FAULT_WORDS } from '../../src/testing/faults.js'
import { FIRST_LOAD } from '../setup.js'
import { requestLines, runCli, startCli, startEmulate } from './run-cli.js'

const run = promisify(execFile)

const LISTING_PATH = '/latest/meta-data/iam/security-credentials/'

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

test('gives a program credentials with the printed variables, and logs each request', async () => {
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
  await expect.poll(() => requestLines(stderr())).toEqual(FIRST_LOAD)
  for (const secret of [credentials.accessKeyId, credentials.secretAccessKey, credentials.sessionToken])
    expect(stderr()).not.toContain(secret)
})

test('serves in a process that may not compile at run time', async () => {
  const { endpoint } = await startEmulate([], { env: { NODE_OPTIONS: '--jitless' } })
  expect(await read(endpoint, LISTING_PATH)).toBe('app-role')
})

test('serves the role and the instance profile by their names', async () => {
  const { endpoint } = await startEmulate(['--role-name', 'my-role', '--instance-profile-name', 'my-profile'])
  expect(await read(endpoint, LISTING_PATH)).toBe('my-role')
  expect(await read(endpoint, '/latest/meta-data/iam/info')).toContain(':instance-profile/my-profile"')
})

test('issues credentials that live as long as --lifetime says', async () => {
  const { endpoint } = await startEmulate(['--lifetime', '15m'])
  const document = JSON.parse(await read(endpoint, `${LISTING_PATH}app-role`)) as Record<string, string>
  const at = (name: string) => Date.parse(document[name] ?? '')
  expect(at('Expiration') - at('LastUpdated')).toBe(900_000)
})

test('listens on the given port', async () => {
  const port = await freePort()
  const { endpoint } = await startEmulate(['--port', String(port)])
  expect(endpoint).toBe(`http://127.0.0.1:${port}`)
  expect((await ask(`${endpoint}/latest/`)).status).toBe(401)
})

test('answers without a token if --http-tokens is optional', async () => {
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

test('refuses forwarded requests', async () => {
  const { endpoint } = await startEmulate(['--http-tokens', 'optional'])
  const forwarded = { 'X-Forwarded-For': '10.0.0.1' }
  expect((await ask(endpoint + LISTING_PATH, 'GET', forwarded)).status).toBe(403)
  expect((await ask(`${endpoint}/latest/api/token`, 'PUT', { ...TTL, ...forwarded })).status).toBe(403)
})

test('does not let a request write to the terminal', async () => {
  const { endpoint, stderr } = await startEmulate()
  const socket = connect(Number(new URL(endpoint).port), '127.0.0.1')
  socket.write(Buffer.from('GET /\u009b31m HTTP/1.1\r\nHost: localhost\r\n\r\n', 'latin1'))
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /)
  expect(stderr()).not.toMatch(/\u009b|\ufffd/)
})

test.each(['SIGINT', 'SIGTERM'] as const)('stops cleanly on %s, whatever is unanswered', async (signal) => {
  const { endpoint, child, ended, stderr } = await startEmulate(['--hops-away', '1'])
  const unanswered = ask(`${endpoint}/latest/api/token`, 'PUT', TTL).catch((error: unknown) => error)
  await expect.poll(() => requestLines(stderr())).toHaveLength(1)
  child.kill(signal)
  expect(await ended).toBe(0)
  expect(stderr()).toMatch(/\ninstance-role emulate: stopped\n$/)
  expect(await unanswered).toMatchObject({ code: 'ECONNRESET' })
})

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
  [['--port', 'http'], '--port must be an integer from 0 to 65535, not "http"'],
  [['--fail', 'tokn=silence'], '--fail "tokn=silence": there is no step "tokn"; did you mean token?'],
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

test('breaks what the flags say, and shows the given metadata', async () => {
  const { endpoint, stderr } = await startEmulate([
    ...['--fail', 'token=503x2', '--fail', '/latest/meta-data/hostname=404', '--rotate-every', '1s'],
    ...['--metadata', 'placement/region=us-west-2', '--metadata', 'spot/instance-action={"action":"stop"}'],
  ])
  expect(stderr()).toMatch(
    /\ninstance-role emulate: broken: --fail token=503x2 --fail \/latest\/meta-data\/hostname=404\n$/,
  )
  const first = await provider(endpoint)()
  const failedTwice = ['PUT /latest/api/token 503', 'PUT /latest/api/token 503']
  await expect.poll(() => requestLines(stderr())).toEqual([...failedTwice, ...FIRST_LOAD])
  expect(await read(endpoint, '/latest/dynamic/instance-identity/document')).toContain('"us-west-2"')
  expect(await read(endpoint, '/latest/meta-data/spot/instance-action')).toBe('{"action":"stop"}')
  expect(await read(endpoint, '/latest/meta-data/hostname')).toContain('404')
  const document = () => read(endpoint, `${LISTING_PATH}app-role`)
  await expect.poll(document, { timeout: 3_000 }).not.toContain(first.accessKeyId)
})

test('works until --fail-after, and says when it breaks', async () => {
  const { endpoint, stderr } = await startEmulate(['--no-role', '--fail-after', '1s'])
  expect(stderr()).toMatch(/\ninstance-role emulate: in 1 s: --no-role\n$/)
  expect((await provider(endpoint)()).accessKeyId).toMatch(/^FAKE/)
  await expect.poll(stderr, { timeout: 3_000 }).toContain('\ninstance-role emulate: from now on: --no-role\n')
  await expect(provider(endpoint)()).rejects.toMatchObject({ code: 'NO_ROLE' })
})

test('prints the line for PowerShell', async () => {
  const { stdout } = startCli(['emulate', '--port', '0', '--shell', 'powershell'])
  await expect
    .poll(stdout, { timeout: 10_000 })
    .toMatch(/^\$env:AWS_EC2_METADATA_SERVICE_ENDPOINT = 'http:\/\/127\.0\.0\.1:\d+'\n$/)
})

test('explains every flag, in lines of 80 characters', async () => {
  const { status, stdout } = await runCli(['emulate', '--help'])
  expect(status).toBe(0)
  const explained = [...stdout.matchAll(/^ {2}--([\w-]+)(?= (?! *--)| *$)/gm)].map(([, flag]) => flag)
  expect(new Set(explained)).toEqual(new Set(Object.keys(EMULATE_FLAGS)))
  for (const word of [...FAULT_WORDS, 'token', 'role', 'credentials', 'all']) expect(stdout).toContain(word)
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
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
