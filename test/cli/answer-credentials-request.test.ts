import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  answer,
  type CredentialsEndpoint,
  type ReceivedRequest,
  type Reply,
} from '../../src/cli/answer-credentials-request.js'
import { InstanceRoleError, type InstanceRoleErrorCode, TREATMENTS } from '../../src/errors.js'
import { anyText } from '../fuzz/any-text.js'

const TOKEN = 'FAKE-token-of-this-server'
const HOST = '127.0.0.1:1339'

const CREDENTIALS = {
  accessKeyId: 'FAKEACCESSKEYID',
  secretAccessKey: 'FAKE/secret/access/key',
  sessionToken: 'FAKE/session/token',
  expiration: new Date('2026-01-01T06:00:00.250Z'),
  $source: { CREDENTIALS_IMDS: '0' },
} as const

const endpoint: CredentialsEndpoint = {
  token: TOKEN,
  hosts: new Set([HOST, 'localhost:1339']),
  credentials: () => Promise.resolve(CREDENTIALS),
  state: () => 'ok',
}

/** A valid request, except for the given members. */
function ask(
  { headers, ...given }: Partial<ReceivedRequest> = {},
  served: Partial<CredentialsEndpoint> = {},
): Promise<Reply> {
  const granted = { method: 'GET', target: '/credentials' }
  return answer(
    { ...granted, ...given, headers: { host: [HOST], authorization: [TOKEN], ...headers } },
    { ...endpoint, ...served },
  )
}

test('returns the credentials in the form of the container credentials protocol', async () => {
  const { status, body } = await ask()
  expect(status).toBe(200)
  expect(JSON.parse(body)).toEqual({
    AccessKeyId: 'FAKEACCESSKEYID',
    SecretAccessKey: 'FAKE/secret/access/key',
    Token: 'FAKE/session/token',
    Expiration: '2026-01-01T06:00:00Z',
  })
})

test('returns the account if it is known', async () => {
  const credentials = () => Promise.resolve({ ...CREDENTIALS, accountId: '123456789012' })
  expect(JSON.parse((await ask({}, { credentials })).body)).toMatchObject({ AccountId: '123456789012' })
})

test.each<[string, Partial<ReceivedRequest>, number]>([
  ['no token', { headers: { authorization: undefined } }, 403],
  ['an empty token', { headers: { authorization: [''] } }, 403],
  ['a wrong token', { headers: { authorization: [`${TOKEN}x`] } }, 403],
  ['the beginning of the token', { headers: { authorization: [TOKEN.slice(0, -1)] } }, 403],
  ['the token in another case', { headers: { authorization: [TOKEN.toLowerCase()] } }, 403],
  ['the token twice', { headers: { authorization: [TOKEN, TOKEN] } }, 403],
  ['the token as a bearer token', { headers: { authorization: [`Bearer ${TOKEN}`] } }, 403],
  ['no Host', { headers: { host: undefined } }, 403],
  ['a foreign Host', { headers: { host: ['attacker.example:1339'] } }, 403],
  ['a Host that begins as ours', { headers: { host: [`${HOST}.attacker.example`] } }, 403],
  ['a Host with another port', { headers: { host: ['127.0.0.1:80'] } }, 403],
  ['a Host without the port', { headers: { host: ['127.0.0.1'] } }, 403],
  ['two Hosts', { headers: { host: [HOST, 'attacker.example'] } }, 403],
  ['an Origin', { headers: { origin: ['http://127.0.0.1:1339'] } }, 403],
  ['a null Origin', { headers: { origin: ['null'] } }, 403],
  ['an empty Origin', { headers: { origin: [''] } }, 403],
  ['Sec-Fetch-Site', { headers: { 'sec-fetch-site': ['same-origin'] } }, 403],
  ['X-Forwarded-For', { headers: { 'x-forwarded-for': ['127.0.0.1'] } }, 403],
  ['Forwarded', { headers: { forwarded: ['for=127.0.0.1'] } }, 403],
  ['Via', { headers: { via: ['1.1 proxy'] } }, 403],
  ['another path', { target: '/' }, 404],
  ['a query', { target: '/credentials?x=1' }, 404],
  ['an encoded path', { target: '/%63redentials' }, 404],
  ['a path with steps', { target: '/x/../credentials' }, 404],
  ['two slashes', { target: '//credentials' }, 404],
  ['an absolute target', { target: `http://${HOST}/credentials` }, 404],
  ['another method', { method: 'POST' }, 405],
  ['HEAD', { method: 'HEAD' }, 405],
  ['OPTIONS', { method: 'OPTIONS' }, 405],
  ['a body', { headers: { 'content-length': ['5'] } }, 400],
  ['a chunked body', { headers: { 'transfer-encoding': ['chunked'] } }, 400],
])('refuses a request with %s, and ends the connection', async (_what, request, expected) => {
  const { status, body, headers } = await ask(request)
  expect({ status, connection: headers?.['Connection'] }).toEqual({ status: expected, connection: 'close' })
  expect(Object.keys(JSON.parse(body) as object)).toEqual(['Code', 'Message'])
})

test('accepts a Host in any case, and an empty body', async () => {
  const headers = { host: ['LocalHost:1339'], 'content-length': ['0'] }
  expect((await ask({ headers })).status).toBe(200)
})

test('says which method it accepts', async () => {
  expect((await ask({ method: 'PUT' })).headers).toMatchObject({ Allow: 'GET' })
})

test.each(Object.keys(TREATMENTS) as InstanceRoleErrorCode[])('returns %s with its fix', async (code) => {
  const error = new InstanceRoleError(code, 'What happened.')
  const { status, body } = await ask({}, { credentials: () => Promise.reject(error) })
  expect(status).toBe(TREATMENTS[code].retryable ? 503 : 400)
  const told = JSON.parse(body) as Record<string, string>
  expect(told['Code']).toBe(code)
  expect(told['Message']).toBe(error.message)
  expect(told['Message']).toMatch(/^What happened\. .* https:\S+$/)
})

test('shows nothing of an error that is not ours', async () => {
  const { status, body } = await ask({}, { credentials: () => Promise.reject(new Error('FAKE/secret')) })
  expect({ status, body }).toEqual({ status: 500, body: expect.not.stringContaining('FAKE') as string })
})

test('says that the first load is still running', async () => {
  const { status, body } = await ask({}, { credentials: () => Promise.resolve(undefined) })
  expect({ status, ...(JSON.parse(body) as object) }).toMatchObject({ status: 503, Code: 'LOADING' })
})

test.each([
  ['empty', 503],
  ['ok', 200],
  ['degraded', 200],
  ['extended', 200],
  ['failing', 503],
] as const)('reports the state %s without a token, as %i', async (state, expected) => {
  const headers = { authorization: undefined }
  const { status, body } = await ask({ target: '/healthz', headers }, { state: () => state })
  expect({ status, body: JSON.parse(body) as unknown }).toEqual({ status: expected, body: { state } })
})

test("refuses a web page's request for the state", async () => {
  expect((await ask({ target: '/healthz', headers: { origin: ['https://attacker.example'] } })).status).toBe(
    403,
  )
})

const headerName = fc.oneof(
  fc.constantFrom('host', 'authorization', 'origin', 'content-length', 'transfer-encoding', '__proto__'),
  anyText,
)
const headerValues = fc.array(fc.oneof(fc.constantFrom(HOST, 'localhost:1339', ''), anyText), {
  maxLength: 3,
})
const anyRequest = fc.record({
  method: fc.oneof(fc.constantFrom('GET', 'POST', 'get'), anyText),
  target: fc.oneof(fc.constantFrom('/credentials', '/healthz'), anyText),
  headers: fc.dictionary(headerName, headerValues),
})

test('returns no credentials to any request without the token, and never rejects', async () => {
  let hasAsked = false
  const served = { ...endpoint, credentials: () => ((hasAsked = true), Promise.resolve(CREDENTIALS)) }
  await fc.assert(
    fc.asyncProperty(anyRequest, async (request) => {
      const { status, body, headers } = await answer(request, served)
      expect([200, 400, 403, 404, 405]).toContain(status)
      expect(status === 200 && request.target !== '/healthz').toBe(false)
      expect(`${body}${JSON.stringify(headers)}`).not.toMatch(/FAKE/)
    }),
    { numRuns: 1_000 },
  )
  expect(hasAsked).toBe(false)
})
