import { expect, test } from 'vitest'
import {
  type EmulatedInstance,
  type Step,
  createTestClock,
  emulateInstance,
} from '../../src/testing/index.js'
import { outcomeOf } from './ask.js'

const LISTING_PATH = '/latest/meta-data/iam/security-credentials/'
const PATHS = {
  token: '/latest/api/token',
  role: LISTING_PATH,
  credentials: `${LISTING_PATH}app-role`,
  region: '/latest/meta-data/placement/region',
} as const

function setup() {
  const clock = createTestClock()
  const instance = emulateInstance({ clock, httpTokens: 'optional', extendedCredentials: true })
  return { clock, instance, ask: () => statusOf(instance, PATHS.role) }
}

function statusOf(instance: EmulatedInstance, path: string): number | string {
  const method = path === PATHS.token ? 'PUT' : 'GET'
  const outcome = outcomeOf(instance, method, path, { 'x-aws-ec2-metadata-token-ttl-seconds': '60' })
  return outcome.kind === 'reply' ? outcome.reply.status : outcome.kind
}

test('each fault applies to one request, in order', () => {
  const { instance, ask } = setup()
  instance.fail('role', { status: 500 }, 'silence')
  instance.fail('role', { status: 503 })
  expect([ask(), ask(), ask(), ask()]).toEqual([500, 'silence', 503, 200])
})

test.each<[Step, (number | string)[]]>([
  ['token', ['reset', 200, 200, 200]],
  ['role', [200, 'reset', 200, 200]],
  ['credentials', [200, 200, 'reset', 200]],
  ['/latest/meta-data/placement/region', [200, 200, 200, 'reset']],
  ['all', ['reset', 'reset', 'reset', 'reset']],
])('a fault of %s applies to no other request', (step, statuses) => {
  const { instance } = setup()
  instance.failUntilLifted(step, 'reset')
  expect(Object.values(PATHS).map((path) => statusOf(instance, path))).toEqual(statuses)
})

test.each<[Step, string]>([
  ['role', '/latest/meta-data/iam/security-credentials'],
  ['role', '/latest/meta-data/iam/security-credentials-extended/'],
  ['credentials', '/latest/meta-data/iam/security-credentials-extended/app-role'],
])('the step %s is also %s', (step, path) => {
  const { instance } = setup()
  instance.fail(step, 'reset')
  expect(statusOf(instance, path)).toBe('reset')
})

test('a fault for a time applies to every request until then', async () => {
  const { clock, instance, ask } = setup()
  instance.failFor(1_000, 'role', { status: 500 })
  expect([ask(), ask()]).toEqual([500, 500])
  await clock.advance(999)
  expect(ask()).toBe(500)
  await clock.advance(1)
  expect(ask()).toBe(200)
})

test('a fault for a time can be ended earlier', () => {
  const { instance, ask } = setup()
  const lift = instance.failFor(1_000, 'role', { status: 500 })
  lift()
  expect(ask()).toBe(200)
})

test('a fault can last until it is ended', async () => {
  const { clock, instance, ask } = setup()
  const lift = instance.failUntilLifted('role', { status: 500 })
  await clock.advance(10 * 365 * 86_400_000)
  expect(ask()).toBe(500)
  lift()
  expect(ask()).toBe(200)
})

test('faults for the next requests take precedence over lasting ones', () => {
  const { instance, ask } = setup()
  instance.failUntilLifted('all', { status: 500 })
  instance.fail('role', 'reset')
  expect([ask(), ask()]).toEqual(['reset', 500])
})

test('throttling answers only so many requests in any second', async () => {
  const { clock, instance, ask } = setup()
  instance.throttle({ requestsPerSecond: 2 })
  expect([ask(), ask(), ask()]).toEqual([200, 200, 429])
  await clock.advance(999)
  expect(ask()).toBe(429)
  await clock.advance(1)
  expect([ask(), ask(), ask()]).toEqual([200, 200, 429])
})

test('throttling can answer with another status, and can be ended', () => {
  const { instance, ask } = setup()
  const lift = instance.throttle({ requestsPerSecond: 1, status: 503 })
  expect([ask(), ask()]).toEqual([200, 503])
  lift()
  expect(ask()).toBe(200)
})

test('ending one throttle does not end the one that replaced it', () => {
  const { instance, ask } = setup()
  const lift = instance.throttle({ requestsPerSecond: 5 })
  instance.throttle({ requestsPerSecond: 1 })
  lift()
  expect([ask(), ask()]).toEqual([200, 429])
})

test('all faults can be ended together', () => {
  const { instance, ask } = setup()
  instance.fail('role', 'reset')
  instance.failUntilLifted('all', { status: 500 })
  instance.throttle({ requestsPerSecond: 1 })
  instance.clearFaults()
  expect([ask(), ask()]).toEqual([200, 200])
})
