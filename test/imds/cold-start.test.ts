import { expect, onTestFinished, test } from 'vitest'
import type { Fault } from '../../src/testing/index.js'
import { HOUR, SECOND, setup, timed } from '../setup.js'

const TROUBLE: readonly Fault[] = [{ status: 429 }, { status: 500 }, { status: 503 }, 'reset']

test.each(TROUBLE)('outwaits an outage (%j) of 2.5 s at a cold start', async (fault) => {
  const { clock, instance, provider } = setup()
  instance.failFor(2.5 * SECOND, 'token', fault)
  const { value, tookMs } = await timed(clock, provider())
  expect(value?.accessKeyId).toBe(instance.credentials?.accessKeyId)
  expect(tookMs).toBeLessThan(5 * SECOND)
})

test.each(TROUBLE)('waits at most 3 s for a token if none was ever given: %j', async (fault) => {
  const { clock, instance, provider } = setup()
  instance.failUntilLifted('token', fault)
  const { error, tookMs } = await timed(clock, provider())
  expect(error).toMatchObject({ step: 'token', tryNextLink: true })
  expect(tookMs).toBeLessThanOrEqual(3 * SECOND)
  expect(tookMs).toBeGreaterThan(SECOND)
})

test.each(TROUBLE)(
  'waits up to the deadline if the endpoint has given a token, and stops a chain: %j',
  async (fault) => {
    const { clock, instance, provider } = setup()
    instance.failUntilLifted('credentials', fault)
    const { error, tookMs } = await timed(clock, provider())
    expect(error).toMatchObject({ step: 'credentials', tryNextLink: false })
    expect(tookMs).toBeGreaterThan(6 * SECOND)
    expect(tookMs).toBeLessThanOrEqual(10 * SECOND)
  },
)

test.each(TROUBLE)('retries as often as `retries` says, if set: %j', async (fault) => {
  const { clock, instance, create } = setup()
  instance.failUntilLifted('token', fault)
  const { error } = await timed(clock, create({ retries: 2 })())
  expect(error).toMatchObject({ attempts: 3 })
})

test('retries three times after there are credentials', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  await clock.advance(5.9 * HOUR)
  instance.clearRequests()
  instance.failUntilLifted('all', { status: 503 })
  await provider({ forceRefresh: true }).catch(() => {})
  expect(instance.requests).toHaveLength(4)
})

test.each<{ fault: Fault }>([
  { fault: { status: 400 } },
  { fault: { status: 404 } },
  { fault: { status: 405 } },
  { fault: { status: 301 } },
  { fault: { redirectTo: 'http://portal.test/' } },
  { fault: { status: 429 } },
  { fault: { status: 502 } },
  { fault: 'reset' },
])('lets a chain go on if something else answers the first token request with $fault', async ({ fault }) => {
  const { clock, instance, provider } = setup()
  instance.failUntilLifted('token', fault)
  const { error } = await timed(clock, provider())
  expect(error).toMatchObject({ step: 'token', tryNextLink: true })
})

test.each<{ fault: Fault }>([
  { fault: { status: 400 } },
  { fault: { status: 404 } },
  { fault: { status: 502 } },
])('stops a chain if an endpoint that gave a token before answers with $fault', async ({ fault }) => {
  const { clock, instance, create } = setup()
  await create()()
  instance.forgetTokens()
  instance.failUntilLifted('token', fault)
  const { error } = await timed(clock, create({ roleName: 'another', retries: 0 })())
  expect(error).toMatchObject({ step: 'token', tryNextLink: false })
})

test('fails quickly at a cold start off EC2', async () => {
  const { clock, instance, provider } = setup()
  instance.failUntilLifted('all', 'silence')
  const { error, tookMs } = await timed(clock, provider())
  expect(error).toMatchObject({ code: 'HOP_LIMIT' })
  expect(tookMs).toBeLessThan(2.5 * SECOND)
})

test('obeys Retry-After in the next refresh behind the calls, for at most 60 s', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  await clock.advance(3.5 * HOUR)
  instance.failUntilLifted('all', { status: 429, headers: { 'retry-after': '30' } })
  await provider()
  await clock.advance(SECOND)
  instance.clearRequests()
  for (let second = 0; second < 25; second += 1) {
    await provider()
    await clock.advance(SECOND)
  }
  expect(instance.requests).toEqual([])
  await clock.advance(10 * SECOND)
  await provider()
  await clock.advance(SECOND)
  expect(instance.requests).not.toEqual([])
})

test('retries although signals lack `throwIfAborted`, as in the jsdom of Jest 29', async () => {
  const known = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'throwIfAborted')
  if (known === undefined) throw new TypeError('This Node has no throwIfAborted')
  onTestFinished(() => {
    Object.defineProperty(AbortSignal.prototype, 'throwIfAborted', known)
  })
  Reflect.deleteProperty(AbortSignal.prototype, 'throwIfAborted')
  const { clock, instance, provider } = setup()
  instance.fail('token', { status: 503 })
  const { value, error } = await timed(clock, provider())
  expect({ error, accessKeyId: value?.accessKeyId }).toEqual({
    error: undefined,
    accessKeyId: expect.stringMatching(/^FAKE/) as string,
  })
})
