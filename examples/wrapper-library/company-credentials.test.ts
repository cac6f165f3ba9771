// The wrapper's own tests, as its authors write them, with msw instead of IMDS.
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { refreshOnExpiredToken } from 'instance-role'
import { emulateInstance, resetInstanceRole } from 'instance-role/testing'
import { companyCredentials, NoCompanyCredentials } from './company-credentials.js'

const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
afterEach(() => {
  server.resetHandlers()
  resetInstanceRole()
  vi.unstubAllEnvs()
})
afterAll(() => server.close())

function onInstance() {
  const instance = emulateInstance({ roleName: 'orders' })
  server.use(...instance.handlers)
  return instance
}

test('gives the credentials of the role', async () => {
  const instance = onInstance()
  const credentials = companyCredentials()
  expect(await credentials()).toMatchObject({ accessKeyId: instance.credentials?.accessKeyId })
  expect(credentials.status()).toMatchObject({ roleName: 'orders' })
  await credentials.close()
})

test('uses the credentials of the environment, and does not ask IMDS, if preferEnvironment is set', async () => {
  const instance = onInstance()
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'of the developer')
  const { accessKeyId } = await companyCredentials({ preferEnvironment: true })()
  expect(accessKeyId).toBe('AKIAEXAMPLE')
  expect(instance.requests).toEqual([])
})

test('uses the role if preferEnvironment is set and the environment has no credentials', async () => {
  const instance = onInstance()
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
  const { accessKeyId } = await companyCredentials({ preferEnvironment: true })()
  expect(accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test('writes its log lines with the log function of the company', async () => {
  onInstance()
  const log = vi.fn()
  await companyCredentials({ log })()
  expect(log.mock.calls).toEqual([
    [{ level: 'info', text: expect.stringContaining('credentials of role orders are loaded') as string }],
  ])
})

test('throws the error of the company, which says what is wrong and what to do', async () => {
  onInstance()
  const failure = await companyCredentials({ role: 'billing' })().catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(NoCompanyCredentials)
  expect(failure).toMatchObject({
    reason: 'ROLE_NOT_FOUND',
    remedy: expect.stringContaining('roleName') as string,
    cause: { code: 'ROLE_NOT_FOUND' },
  })
})

test('sends IMDS three requests for two services in one process', async () => {
  const instance = onInstance()
  await Promise.all([companyCredentials()(), companyCredentials()()])
  expect(instance.requests).toHaveLength(3)
})

test('gives a client newer credentials when AWS refuses the old ones as expired', async () => {
  const instance = onInstance()
  const refused = new Set<string>()
  server.use(http.post('https://sts.test/', ({ request }) => answer(request, refused)))
  const credentials = companyCredentials()
  const sts = refreshOnExpiredToken(
    new STSClient({ endpoint: 'https://sts.test', region: 'eu-central-1', credentials }),
    credentials,
  )
  await credentials()
  refused.add(instance.credentials?.accessKeyId ?? '')
  instance.rotate()
  expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: '123456789012' })
  expect(instance.requests).toHaveLength(4)
  sts.destroy()
})

function answer(request: Request, refused: ReadonlySet<string>) {
  const [, key = ''] = /Credential=([^/]+)/.exec(request.headers.get('authorization') ?? '') ?? []
  return refused.has(key)
    ? xml(403, '<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>')
    : xml(
        200,
        '<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
      )
}

function xml(status: number, body: string) {
  return new HttpResponse(body, { status, headers: { 'content-type': 'text/xml' } })
}
