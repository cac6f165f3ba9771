import { expect, test } from 'vitest'
import { InstanceRoleError } from '../../src/errors.js'
import { type Fault, iamRole, type Step } from '../../src/testing/index.js'
import { CREDENTIALS, FIRST_LOAD, LISTING, setup, timed, TOKEN } from '../setup.js'

const NO_JITTER = { random: () => 1 - Number.EPSILON }
const UNAVAILABLE: Fault = { status: 503 }

const STEPS: readonly { step: Step; request: string; before: readonly string[]; after: readonly string[] }[] =
  [
    { step: 'token', request: TOKEN, before: [], after: FIRST_LOAD },
    { step: 'role', request: LISTING, before: FIRST_LOAD.slice(0, 1), after: FIRST_LOAD.slice(1) },
    { step: 'credentials', request: CREDENTIALS, before: FIRST_LOAD.slice(0, 2), after: FIRST_LOAD.slice(2) },
  ]

test.each(STEPS)('resumes at the $step that failed, with the results of the earlier steps', async (given) => {
  const { step, request, before, after } = given
  const { clock, instance, provider } = setup(NO_JITTER)
  instance.fail(step, UNAVAILABLE, { status: 429 }, 'reset')
  const { tookMs } = await timed(clock, provider())
  expect(instance.requests).toEqual([
    ...before,
    `${request} 503`,
    `${request} 429`,
    `${request} reset`,
    ...after,
  ])
  expect(Math.round(tookMs)).toBe(700)
})

test.each<{ fault: Fault; requests: number; code: string }>([
  { fault: UNAVAILABLE, requests: 4, code: 'SERVER_ERROR' },
  { fault: { status: 500 }, requests: 4, code: 'SERVER_ERROR' },
  { fault: { status: 429 }, requests: 4, code: 'THROTTLED' },
  { fault: 'reset', requests: 4, code: 'BAD_RESPONSE' },
  { fault: 'refuse', requests: 4, code: 'UNREACHABLE' },
  { fault: 'empty', requests: 4, code: 'BAD_RESPONSE' },
  { fault: 'html', requests: 4, code: 'BAD_RESPONSE' },
  { fault: 'silence', requests: 2, code: 'HOP_LIMIT' },
  { fault: { status: 400 }, requests: 1, code: 'UNEXPECTED_STATUS' },
  { fault: { status: 401 }, requests: 1, code: 'UNEXPECTED_STATUS' },
  { fault: { status: 403 }, requests: 1, code: 'IMDS_DISABLED' },
  { fault: { status: 404 }, requests: 1, code: 'UNEXPECTED_STATUS' },
  { fault: { status: 405 }, requests: 1, code: 'UNEXPECTED_STATUS' },
  { fault: { status: 204 }, requests: 1, code: 'UNEXPECTED_STATUS' },
])('requests the token $requests times if it meets $fault', async ({ fault, requests, code }) => {
  const { instance, provider } = setup({ provider: { retries: 3 } })
  instance.failUntilLifted('token', fault)
  await expect(provider()).rejects.toMatchObject({ code, step: 'token', attempts: requests })
  expect(instance.requests).toHaveLength(requests)
})

test.each([0, 1, 7])('retries %d times if retries says so', async (retries) => {
  const { instance, provider } = setup({ provider: { retries } })
  instance.failUntilLifted('token', UNAVAILABLE)
  await expect(provider()).rejects.toMatchObject({ attempts: retries + 1 })
  expect(instance.requests).toHaveLength(retries + 1)
})

test('fails after two timeouts off EC2', async () => {
  const { clock, instance, provider } = setup(NO_JITTER)
  instance.failUntilLifted('all', 'silence')
  const { tookMs, error } = await timed(clock, provider())
  expect(error).toMatchObject({ attempts: 2, timedOut: true })
  expect(Math.round(tookMs)).toBe(2_100)
})

test('replaces a forgotten metadata token in the same load, without using a retry', async () => {
  const { instance, provider } = setup({ provider: { retries: 0 } })
  await provider()
  instance.clearRequests()
  instance.forgetTokens()
  await provider({ forceRefresh: true })
  expect(instance.requests).toEqual([`${CREDENTIALS} 401`, `${TOKEN} 200`, `${CREDENTIALS} 200`])
})

test('requests a new metadata token after each 401, until the retries are used up', async () => {
  const { instance, provider } = setup({ provider: { retries: 1 } })
  instance.failUntilLifted('credentials', { status: 401 })
  await expect(provider()).rejects.toMatchObject({ code: 'TOKEN_REJECTED', statusCode: 401, attempts: 3 })
  const again = [`${TOKEN} 200`, `${CREDENTIALS} 401`]
  expect(instance.requests).toEqual([
    `${TOKEN} 200`,
    `${LISTING} 200`,
    `${CREDENTIALS} 401`,
    ...again,
    ...again,
  ])
})

test('lists the role again at once if the known one is gone', async () => {
  const { clock, instance, provider } = setup({ provider: { retries: 0 } })
  await provider()
  instance.clearRequests()
  instance.attachRole(iamRole({ name: 'other-role' }))
  const { tookMs } = await timed(clock, provider({ forceRefresh: true }))
  expect(instance.requests).toEqual([`${CREDENTIALS} 404`, `${LISTING} 200`, `${LISTING}other-role 200`])
  expect(tookMs).toBe(0)
})

test('lists the role at most four times if it never has credentials', async () => {
  const { instance, provider } = setup()
  instance.failUntilLifted('credentials', { status: 404 })
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'NO_ROLE', step: 'credentials', statusCode: 404, attempts: 4 })
  const round = [`${LISTING} 200`, `${CREDENTIALS} 404`]
  expect(instance.requests).toEqual([`${TOKEN} 200`, ...round, ...round, ...round, ...round])
})

test('requests a named role once, and never the list', async () => {
  const { instance, provider } = setup({ provider: { roleName: 'other-role' } })
  await expect(provider()).rejects.toMatchObject({ code: 'ROLE_NOT_FOUND', attempts: 1 })
  expect(instance.requests).toEqual([`${TOKEN} 200`, `${LISTING}other-role 404`])
})

test('requests a role by its unencoded name, for servers that do not decode', async () => {
  const { instance, provider } = setup({ roleName: 'a+b=c,d.e@f-g_1' })
  await provider()
  expect(instance.requests.at(-1)).toBe(`${LISTING}a+b=c,d.e@f-g_1 200`)
})

test.each([
  { header: '2', tookMs: 2_000 },
  { header: '0', tookMs: 100 },
  { header: 'Thu, 01 Jan 2026 00:00:05 GMT', tookMs: 100 },
  { header: '-5', tookMs: 100 },
  { header: '1e3', tookMs: 100 },
])('waits $tookMs ms with Retry-After: $header', async ({ header, tookMs }) => {
  const { clock, instance, provider } = setup(NO_JITTER)
  instance.fail('role', { status: 429, headers: { 'retry-after': header } })
  const load = await timed(clock, provider())
  expect(load.error).toBeUndefined()
  expect(Math.round(load.tookMs)).toBe(tookMs)
})

test.each([429, 500, 503])('gives up at once if %d asks to wait beyond the deadline', async (status) => {
  const { clock, instance, provider } = setup()
  instance.fail('role', { status, headers: { 'retry-after': '10' } })
  const { tookMs, error } = await timed(clock, provider())
  expect(error).toMatchObject({ statusCode: status, attempts: 1, retryAfterMs: 10_000 })
  expect(tookMs).toBe(0)
})

test('gives up at once if the wait would end after the deadline', async () => {
  const { clock, instance, provider } = setup(NO_JITTER)
  const asks = (seconds: number): Fault => ({ status: 429, headers: { 'retry-after': String(seconds) } })
  instance.fail('role', asks(6), asks(6))
  const { tookMs, error } = await timed(clock, provider())
  expect(error).toMatchObject({ code: 'THROTTLED', attempts: 2 })
  expect(tookMs).toBe(6_000)
})

test('reports the last failure when the deadline is reached', async () => {
  const { clock, instance, provider } = setup({ ...NO_JITTER, provider: { deadline: 1_500 } })
  instance.fail('role', UNAVAILABLE, 'silence')
  instance.failUntilLifted('role', { delayMs: 900 })
  const { tookMs, error } = await timed(clock, provider())
  expect(tookMs).toBe(1_500)
  expect(error).toMatchObject({ code: 'TIMEOUT', step: 'role', attempts: 3 })
  expect(String(error)).toContain('did not answer GET')
})

test.each(STEPS)(
  'limits the first try to half of a short deadline, so that the error of the $step is known in time',
  async (given) => {
    const { clock, instance, provider } = setup({ provider: { deadline: 300 } })
    instance.failUntilLifted(given.step, 'silence')
    const { tookMs, error } = await timed(clock, provider())
    expect(tookMs).toBe(300)
    const code = given.step === 'token' ? 'HOP_LIMIT' : 'TIMEOUT'
    expect(error).toMatchObject({ code, step: given.step, attempts: 2, timedOut: true })
    expect(String(error)).toContain('150 ms')
  },
)

test('keeps role and metadata token between loads, failed ones included', async () => {
  const { instance, provider } = setup({ provider: { retries: 0 } })
  instance.fail('credentials', UNAVAILABLE)
  await expect(provider()).rejects.toBeInstanceOf(InstanceRoleError)
  instance.clearRequests()
  await provider()
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`])
})

test('requests the metadata token again if the provider that was requesting it for two is closed', async () => {
  const { instance, create } = setup()
  const closing = create({ timeout: 900 })
  const staying = create({ timeout: 800, retries: 0 })
  instance.fail('token', { delayMs: 500 })
  const closed = expect(closing()).rejects.toMatchObject({ code: 'CLOSED' })
  await new Promise((resolve) => setImmediate(resolve))
  const stayed = staying()
  await new Promise((resolve) => setImmediate(resolve))
  expect(instance.requests).toHaveLength(1)
  await closing.close()
  await closed
  expect((await stayed).accessKeyId).toBe(instance.credentials?.accessKeyId)
})
