import { delay, http, HttpResponse, type RequestHandler } from 'msw'
import { setupServer } from 'msw/node'
import { afterEach, beforeAll, afterAll, expect, test } from 'vitest'
import { fromInstanceRole } from '../../src/index.js'
import { emulateInstance, resetInstanceRole } from '../../src/testing/index.js'

// As an application would test itself: the address of IMDS as it is, and no set-up but msw's own.

const IMDS = 'http://169.254.169.254'
const ROLES = `${IMDS}/latest/meta-data/iam/security-credentials/`
const DOCUMENT = {
  Code: 'Success',
  AccessKeyId: 'ASIAEXAMPLE',
  SecretAccessKey: 'not-a-secret',
  Token: 'not-a-token',
  Expiration: new Date(Date.now() + 3_600_000).toISOString(),
}

const HANDLERS: readonly RequestHandler[] = [
  http.put(`${IMDS}/latest/api/token`, () =>
    HttpResponse.text('metadata-token', { headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' } }),
  ),
  http.get(ROLES, () => HttpResponse.text('app-role')),
  http.get(`${ROLES}app-role`, ({ request }) =>
    request.headers.get('x-aws-ec2-metadata-token') === 'metadata-token'
      ? HttpResponse.json(DOCUMENT)
      : new HttpResponse(null, { status: 401 }),
  ),
]

const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
afterEach(() => {
  server.resetHandlers()
  resetInstanceRole()
})
afterAll(() => server.close())

test('returns the credentials of hand-written handlers', async () => {
  server.use(...HANDLERS)
  expect(await fromInstanceRole()()).toMatchObject({
    accessKeyId: 'ASIAEXAMPLE',
    secretAccessKey: 'not-a-secret',
    sessionToken: 'not-a-token',
    expiration: new Date(DOCUMENT.Expiration),
  })
})

test('returns the credentials of an emulated instance', async () => {
  await using instance = emulateInstance()
  server.use(...instance.handlers)
  expect((await fromInstanceRole()()).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

const TOKEN = `${IMDS}/latest/api/token`
const NEVER = () => delay('infinite').then(() => HttpResponse.text('late'))

test.each<{ what: string; handler: RequestHandler; code: string; step: string }>([
  { what: 'a token that never comes', handler: http.put(TOKEN, NEVER), code: 'UNREACHABLE', step: 'token' },
  { what: 'a list that never comes', handler: http.get(ROLES, NEVER), code: 'TIMEOUT', step: 'role' },
  {
    what: 'a network error',
    handler: http.put(TOKEN, () => HttpResponse.error()),
    code: 'UNREACHABLE',
    step: 'token',
  },
  {
    what: 'a 403',
    handler: http.put(TOKEN, () => new HttpResponse(null, { status: 403 })),
    code: 'IMDS_DISABLED',
    step: 'token',
  },
  {
    what: 'a redirect',
    handler: http.get(ROLES, () => HttpResponse.redirect('http://127.0.0.1:1/', 302)),
    code: 'UNEXPECTED_STATUS',
    step: 'role',
  },
  {
    what: 'a body that is too large',
    handler: http.get(`${ROLES}app-role`, () => HttpResponse.text('x'.repeat(64 * 1_024 + 1))),
    code: 'BAD_RESPONSE',
    step: 'credentials',
  },
  {
    what: 'a body that does not end',
    handler: http.get(`${ROLES}app-role`, () => new HttpResponse(new ReadableStream<Uint8Array>())),
    code: 'TIMEOUT',
    step: 'credentials',
  },
])('settles with $code if a handler returns $what', async ({ handler, code, step }) => {
  server.use(handler, ...HANDLERS)
  await using provider = fromInstanceRole({ timeout: 60, retries: 0, isolated: true })
  await expect(provider()).rejects.toMatchObject({ code, step, attempts: 1 })
})

test('names the request that no handler answers', async () => {
  await using provider = fromInstanceRole({ timeout: 60, retries: 0, isolated: true })
  await expect(provider()).rejects.toMatchObject({ code: 'UNREACHABLE', step: 'token' })
})

test('keeps nothing between tests with different mocked responses', async () => {
  const provider = fromInstanceRole()
  server.use(...HANDLERS)
  await provider()
  resetInstanceRole()
  server.use(http.get(ROLES, () => HttpResponse.text('')))
  await expect(provider()).rejects.toMatchObject({ code: 'NO_ROLE', step: 'role' })
})
