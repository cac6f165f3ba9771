import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as undici7 from 'undici'
import * as undici6 from 'undici-6'
import { expect, onTestFinished, test } from 'vitest'
import { dispatcherTransport } from '../../src/imds/dispatcher-transport.js'
import type { Outcome } from '../../src/imds/transport.js'
import { fromInstanceRole } from '../../src/index.js'
import type { ImdsDispatcher } from '../../src/config/options.js'
import { systemRuntime } from '../../src/runtime/runtime.js'
import { type EmulatedInstance, emulateInstance } from '../../src/testing/index.js'
import { HAS_UNDICI_8, loadUndici8 } from './wires.js'

// Only what is special about a caller's dispatcher. transport.test.ts tests what every transport does.

type Owned = ImdsDispatcher & { close(): Promise<void>; destroy(): Promise<void> }
type Interceptor = (dispatch: (...args: never[]) => boolean) => (...args: never[]) => boolean

/** The part of each undici that the tests use. Their own types do not fit each other. */
interface Undici {
  readonly Agent: new () => Owned & { compose(...interceptors: Interceptor[]): ImdsDispatcher }
  readonly MockAgent: new () => Owned & { disableNetConnect(): void }
  readonly interceptors: Readonly<Record<string, ((options?: object) => Interceptor) | undefined>>
}

function asUndici(undici: object): Undici {
  if (!('Agent' in undici && 'MockAgent' in undici && 'interceptors' in undici)) throw new Error('not undici')
  return undici as Undici
}

const UNDICIS: readonly { readonly version: string; readonly undici: Undici }[] = [
  { version: 'undici 6', undici: asUndici(undici6) },
  { version: 'undici 7', undici: asUndici(undici7) },
  ...(HAS_UNDICI_8 ? [{ version: 'undici 8', undici: asUndici(loadUndici8()) }] : []),
]

function send(dispatcher: ImdsDispatcher): Promise<Outcome> {
  const { signal } = new AbortController()
  const exchange = { method: 'GET', url: 'http://127.0.0.1:1/', headers: {}, timeoutMs: 2_000 } as const
  return dispatcherTransport(systemRuntime, dispatcher)(exchange, signal)
}

const MISUSES: readonly {
  readonly code: string
  readonly misuse: (undici: Undici) => Promise<ImdsDispatcher>
}[] = [
  {
    code: 'UND_ERR_DESTROYED',
    misuse: async ({ Agent }) => {
      const agent = new Agent()
      await agent.destroy()
      return agent
    },
  },
  {
    code: 'UND_MOCK_ERR_MOCK_NOT_MATCHED',
    misuse: ({ MockAgent }) => {
      const agent = new MockAgent()
      agent.disableNetConnect()
      return Promise.resolve(agent)
    },
  },
  {
    code: 'UND_ERR_INVALID_ARG',
    misuse: ({ Agent }) => {
      const spoil: Interceptor = (dispatch) => (options, handler) =>
        dispatch({ ...(options as object), path: 'not absolute' } as never, handler)
      return Promise.resolve(new Agent().compose(spoil))
    },
  },
]

test.each(UNDICIS.flatMap((one) => MISUSES.map((row) => ({ ...one, ...row }))))(
  '$version: reports a dispatcher that cannot send as BAD_CONFIG: $code',
  async ({ undici, code, misuse }) => {
    await expect(send(await misuse(undici))).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining(
        `The option dispatcher is an undici dispatcher that cannot send (${code}). Give `,
      ) as string,
    })
  },
)

function failing(error: unknown): ImdsDispatcher {
  // A dispatcher that rejects with the given reason.
  return { request: () => Promise.resolve().then(() => Promise.reject(error as Error)) }
}

test.each(UNDICIS)('$version: reports a closed dispatcher as BAD_CONFIG', async ({ undici }) => {
  const agent = new undici.Agent()
  await agent.close()
  await expect(send(agent)).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringMatching(/ \(UND_ERR_(CLOSED|DESTROYED)\)\. Give /) as string,
  })
})

test('reports a dispatcher that is being closed as BAD_CONFIG', async () => {
  const error = Object.assign(new Error('The client is closed'), { code: 'UND_ERR_CLOSED' })
  await expect(send(failing(error))).rejects.toMatchObject({ code: 'BAD_CONFIG' })
})

test('reports a TypeError of the dispatcher as BAD_CONFIG', async () => {
  await expect(send(failing(new TypeError('FAKE')))).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.not.stringContaining('FAKE') as string,
  })
})

const KINDS = [
  ...['UND_ERR_CONNECT_TIMEOUT', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'ETIMEDOUT'].map(
    (code) => ({ code, kind: 'unreachable' }),
  ),
  ...['ENOTFOUND', 'EAI_AGAIN', 'EMFILE', 'EACCES', 'EPERM', 'EADDRNOTAVAIL', 'ERR_ACCESS_DENIED'].map(
    (code) => ({ code, kind: 'unreachable' }),
  ),
  ...['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'].map(
    (code) => ({ code, kind: 'broken' }),
  ),
  ...[
    'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
    'HPE_INVALID_CONSTANT',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    undefined,
  ].map((code) => ({ code, kind: 'broken' })),
]

test.each(KINDS)('calls an exchange that fails with $code: $kind', async ({ code, kind }) => {
  const error = Object.assign(new Error('FAKE'), code !== undefined && { code })
  const outcome = await send(failing(error))
  expect(outcome.kind).toBe(kind)
  expect(JSON.stringify(outcome)).not.toContain('FAKE')
})

// Node 26 gives this error an `errno`, as the operating system's own errors have.
test.each([{}, { errno: 'FAKE', syscall: 'connect', address: '127.0.0.1', port: 80 }])(
  'names the flag of Node that permits connections, for an error with the members %o',
  async (members) => {
    const error = Object.assign(new Error('FAKE'), { code: 'ERR_ACCESS_DENIED', ...members })
    expect(await send(failing(error))).toMatchObject({
      kind: 'unreachable',
      cause: { message: 'ERR_ACCESS_DENIED (start node with --allow-net)' },
    })
  },
)

test.each([404, 429, 503])('treats an error with the status %i as that response', async (statusCode) => {
  const error = Object.assign(new Error('Response Error'), { statusCode, headers: { 'Retry-After': '7' } })
  const outcome = await send(failing(error))
  expect(outcome).toMatchObject({ kind: 'answer', status: statusCode })
  if (outcome.kind === 'answer') expect(outcome.headers.get('retry-after')).toBe('7')
})

/** An IMDS whose responses ask for caching, or which redirects every request. */
async function serve(instance: EmulatedInstance, elsewhere?: string): Promise<string> {
  const server = createServer((request, response) => {
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    )
    const outcome = instance.answer({ method: request.method ?? 'GET', path: request.url ?? '/', headers })
    if (outcome.kind !== 'reply') throw new Error(outcome.kind)
    if (elsewhere === undefined) {
      const kept = { ...outcome.reply.headers, 'cache-control': 'public, max-age=3600' }
      response.writeHead(outcome.reply.status, kept).end(outcome.reply.body)
    } else response.writeHead(307, { location: elsewhere + String(request.url) }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const INTERCEPTORS = ['cache', 'redirect', 'retry', 'responseError', 'dns', 'decompress']
const composed = UNDICIS.flatMap(({ version, undici }) =>
  INTERCEPTORS.flatMap((name) => {
    const create = undici.interceptors[name]
    return create === undefined ? [] : [{ version, undici, name, create }]
  }),
)

test.each(composed)(
  '$version: loads and refreshes through a caller’s interceptor that may $name',
  async ({ undici, create }) => {
    const instance = emulateInstance()
    const endpoint = await serve(instance)
    const dispatcher = new undici.Agent().compose(create())
    await using provider = fromInstanceRole({ endpoint, dispatcher, isolated: true })
    const first = await provider()
    instance.rotate()
    const second = await provider({ forceRefresh: true })
    expect(second.accessKeyId).toBe(instance.credentials?.accessKeyId)
    expect(second.accessKeyId).not.toBe(first.accessKeyId)
    expect(instance.requests).toHaveLength(4)
  },
)

test.each(composed.filter(({ name }) => name === 'redirect'))(
  '$version: follows no redirect, however the caller’s interceptor is set',
  async ({ undici, create }) => {
    const elsewhere = emulateInstance()
    const { endpoint: to } = await elsewhere.listen()
    onTestFinished(() => elsewhere.close())
    const endpoint = await serve(emulateInstance(), to)
    const dispatcher = new undici.Agent().compose(create({ maxRedirections: 5 }))
    await using provider = fromInstanceRole({ endpoint, dispatcher, isolated: true, retries: 0 })
    await expect(provider()).rejects.toMatchObject({ statusCode: 307 })
    expect(elsewhere.requests).toEqual([])
  },
)

test.each(composed.filter(({ name }) => ['retry', 'responseError'].includes(name)))(
  '$version: reports that IMDS failed through a caller’s interceptor that may $name',
  async ({ undici, create }) => {
    const instance = emulateInstance()
    instance.failUntilLifted('all', { status: 403 })
    const dispatcher = new undici.Agent().compose(create())
    const endpoint = await serve(instance)
    await using provider = fromInstanceRole({ endpoint, dispatcher, isolated: true, retries: 0 })
    await expect(provider()).rejects.toMatchObject({ code: 'IMDS_DISABLED', statusCode: 403 })
  },
)
