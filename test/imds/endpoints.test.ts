import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Agent } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { fromInstanceRole } from '../../src/index.js'
import { emulateInstance } from '../../src/testing/index.js'
import { VERSION } from '../../src/runtime/version.js'
import { FIRST_LOAD } from '../setup.js'

/** Passes each request on to an emulated instance, and keeps what was sent. */
function serveInstance(prefix = '') {
  const instance = emulateInstance()
  const seen: http.IncomingMessage[] = []
  const listener: http.RequestListener = (request, response) => {
    seen.push(request)
    const { method = '', url = '' } = request
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([key, value]) => [key, String(value)]),
    )
    const outcome = instance.answer({ method, path: url.replace(prefix, ''), headers })
    if (outcome.kind !== 'reply' || !url.startsWith(prefix)) return void response.destroy()
    response.writeHead(outcome.reply.status, outcome.reply.headers).end(outcome.reply.body)
  }
  return { instance, seen, listener }
}

async function listen(server: net.Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

async function load(options: Parameters<typeof fromInstanceRole>[0]) {
  await using provider = fromInstanceRole({ isolated: true, retries: 0, ...options })
  return await provider()
}

test('uses an IPv6 endpoint', async () => {
  await using instance = emulateInstance()
  const { endpoint } = await instance.listen({ host: '::1' })
  expect(endpoint).toMatch(/^http:\/\/\[::1\]:\d+$/)
  await load({ endpoint })
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test.each(['/imds', '/a/b/', '/a%20b'])(
  'sends requests below the path of the endpoint: %s',
  async (prefix) => {
    const { instance, listener } = serveInstance(prefix.replace(/\/$/, ''))
    const port = await listen(http.createServer(listener))
    await load({ endpoint: `http://127.0.0.1:${port}${prefix}` })
    expect(instance.requests).toEqual(FIRST_LOAD)
  },
)

test('sends its user agent with each request, and accepts no compression', async () => {
  const { seen, listener } = serveInstance()
  const port = await listen(http.createServer(listener))
  await load({ endpoint: `http://127.0.0.1:${port}` })
  expect(seen.map(({ headers }) => [headers['user-agent'], headers['accept-encoding']])).toEqual(
    Array.from({ length: 3 }, () => [`instance-role/${VERSION}`, 'identity']),
  )
  expect(seen.filter(({ headers }) => 'x-forwarded-for' in headers)).toEqual([])
})

test.each([301, 302, 303, 307, 308])('does not send the token elsewhere after a %d', async (status) => {
  const seen: string[] = []
  const elsewhere = await listen(
    http.createServer(({ url = '' }, response) => void (seen.push(url), response.end())),
  )
  await using instance = emulateInstance()
  const { endpoint } = await instance.listen()
  instance.fail('role', { status, headers: { location: `http://127.0.0.1:${elsewhere}/` } })
  await expect(load({ endpoint })).rejects.toMatchObject({
    code: 'UNEXPECTED_STATUS',
    statusCode: status,
    step: 'role',
  })
  expect(seen).toEqual([])
})

test('uses the caller’s dispatcher for every request, and leaves it open', async () => {
  await using instance = emulateInstance()
  const { endpoint } = await instance.listen()
  const dispatcher = new Agent()
  const origins: string[] = []
  dispatcher.on('connect', ({ origin }) => void origins.push(origin))
  await load({ endpoint, dispatcher })
  expect(origins).not.toEqual([])
  expect(new Set(origins)).toEqual(new Set([endpoint]))
  expect(dispatcher.closed || dispatcher.destroyed).toBe(false)
  await dispatcher.close()
})

/** A certificate that its own key has signed, for localhost and 127.0.0.1. */
async function selfSigned() {
  const folder = await mkdtemp(path.join(tmpdir(), 'instance-role-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [keyFile, certFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  const files = ['-keyout', keyFile, '-out', certFile]
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, ...files], { stdio: 'ignore' })
  return { key: await readFile(keyFile), cert: await readFile(certFile), certFile }
}

test('refuses an https endpoint with an untrusted certificate, and says why', async () => {
  const { instance, listener } = serveInstance()
  const port = await listen(https.createServer(await selfSigned(), listener))
  const error = await load({ endpoint: `https://127.0.0.1:${port}` }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'UNREACHABLE', step: 'token', timedOut: false })
  expect(String(error)).toContain('cannot be reached: DEPTH_ZERO_SELF_SIGNED_CERT.')
  expect(instance.requests).toEqual([])
})

test('uses a port that browsers refuse', async () => {
  await using instance = emulateInstance()
  const { endpoint } = await instance.listen({ port: 6_000 })
  expect((await load({ endpoint })).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test('uses an https endpoint with a trusted certificate', async () => {
  const { instance, listener } = serveInstance()
  const { certFile, ...pair } = await selfSigned()
  const port = await listen(https.createServer(pair, listener))
  const child = spawn(process.execPath, ['--input-type=module', '--eval', LOAD], {
    env: {
      ...process.env,
      NODE_EXTRA_CA_CERTS: certFile,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `https://localhost:${port}`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  await once(child, 'close')
  expect(stderr).toBe('')
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test.each([
  { host: 'localhost', servername: 'localhost' },
  { host: '127.0.0.1', servername: false },
])('sends $host to a TLS server as $servername, and uses HTTP/1.1', async (named) => {
  const hellos: unknown[] = []
  const ALPNCallback = (hello: { servername: unknown; protocols: string[] }): string | undefined => {
    hellos.push({ servername: hello.servername, protocols: [...hello.protocols] })
    return hello.protocols[0]
  }
  const port = await listen(https.createServer({ ...(await selfSigned()), ALPNCallback }))
  await load({ endpoint: `https://${named.host}:${port}` }).catch(() => {})
  expect(hellos).toEqual([{ servername: named.servername, protocols: ['http/1.1'] }])
})

test('closes a connection that is still being made when the load ends', async () => {
  const open = new Set<net.Socket>()
  let accepted = 0
  const server = net.createServer((socket) => {
    accepted += 1
    open.add(socket.resume())
    socket.once('close', () => open.delete(socket))
  })
  const port = await listen(server)
  await expect(load({ endpoint: `https://127.0.0.1:${port}`, timeout: 200 })).rejects.toMatchObject({
    code: 'UNREACHABLE',
  })
  expect(accepted).toBeGreaterThan(0)
  await expect.poll(() => open.size, { timeout: 500, interval: 5 }).toBe(0)
})

const LOAD = `
  import { fromInstanceRole } from './dist/index.js'
  await fromInstanceRole({ retries: 0 })()
`

/** A process that runs the server of a script. Its first line names the port. */
async function serveFromChild(script: string): Promise<number> {
  const child = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return Number(line.toString())
}

/** Listens, and never accepts a connection. */
const DEAF = `
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
`

/** Connects until the kernel accepts no more. Returns whether that happened. */
async function fillBacklog(port: number): Promise<boolean> {
  for (let tries = 0; tries < 16; tries += 1) {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {})
    onTestFinished(() => void socket.destroy())
    const late = new Promise((resolve) => setTimeout(resolve, 100, 'late'))
    if ((await Promise.race([once(socket, 'connect'), late])) === 'late') return true
  }
  return false
}

test('reports UNREACHABLE if nothing accepts the connection, after two tries', async (context) => {
  const port = await serveFromChild(DEAF)
  if (!(await fillBacklog(port))) context.skip('this kernel takes every connection')
  const loading = load({ endpoint: `http://127.0.0.1:${port}`, timeout: 80, retries: 3 })
  await expect(loading).rejects.toMatchObject({
    code: 'UNREACHABLE',
    step: 'token',
    timedOut: true,
    attempts: 2,
    message: expect.stringContaining(
      `IMDS at http://127.0.0.1:${port} cannot be reached: nothing accepted the connection within 80 ms. `,
    ) as string,
  })
})

/** IMDS that takes 5 ms for each answer. */
const PROMPT = `
  const document = JSON.stringify({
    Code: 'Success', AccessKeyId: 'ASIAEXAMPLE', SecretAccessKey: 'none', Token: 'none',
    Expiration: new Date(Date.now() + 3600000).toISOString(),
  })
  const bodyOf = (url) => url.endsWith('/token') ? 'token' : url.endsWith('/') ? 'app-role' : document
  const server = require('node:http').createServer((request, response) => {
    setTimeout(() => response.end(bodyOf(request.url)), 5)
  })
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
`

test.each([0, 5])(
  'does not treat a blocked event loop as a failure: blocked after %d turns',
  async (turns) => {
    const port = await serveFromChild(PROMPT)
    const loading = load({ endpoint: `http://127.0.0.1:${port}`, timeout: 100 })
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
    expect((await loading).accessKeyId).toBe('ASIAEXAMPLE')
  },
)
