import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type IamRole, createTestClock, emulateInstance } from '../../src/testing/index.js'
import { issuedAt, renewalPeriodMs } from '../../src/testing/credentials-renewal.js'
import { credentialsDocument } from './ask.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

function setup(options: { lifetimeMs?: number; renewEveryMs?: number } = {}) {
  const clock = createTestClock({ startAt: Date.UTC(2030, 0, 1) })
  return { clock, instance: emulateInstance({ clock, ...options }) }
}

test('credentials live six hours', () => {
  const { clock, instance } = setup()
  expect(instance.credentials?.expiration.getTime()).toBe(clock.now() + 6 * HOUR_MS)
})

test('credentials are renewed each hour', async () => {
  const { clock, instance } = setup()
  const first = instance.credentials
  await clock.advance(HOUR_MS - 1)
  expect(instance.credentials).toBe(first)
  await clock.advance(1)
  expect(instance.credentials?.accessKeyId).not.toBe(first?.accessKeyId)
  expect(instance.credentials?.expiration.getTime()).toBe(clock.now() + 6 * HOUR_MS)
})

test('short-lived credentials are renewed five minutes before they expire', async () => {
  const { clock, instance } = setup({ lifetimeMs: 15 * MINUTE_MS })
  const first = instance.credentials
  await clock.advance(10 * MINUTE_MS - 1)
  expect(instance.credentials).toBe(first)
  await clock.advance(1)
  expect(instance.credentials).not.toBe(first)
})

test('credentials that nobody asked for are never issued', async () => {
  const { clock, instance } = setup()
  await clock.advance(10.5 * HOUR_MS)
  expect(instance.credentials?.issuedAt).toBe(Date.UTC(2030, 0, 1, 10))
})

test('rotate renews at once and starts the hour again', async () => {
  const { clock, instance } = setup()
  await clock.advance(HOUR_MS / 2)
  instance.rotate()
  const rotated = instance.credentials
  expect(rotated?.issuedAt).toBe(clock.now())
  await clock.advance(HOUR_MS - 1)
  expect(instance.credentials).toBe(rotated)
  await clock.advance(1)
  expect(instance.credentials).not.toBe(rotated)
})

test('issued credentials can always be found to verify signatures, whatever happens to the role', () => {
  const { instance } = setup()
  const { credentials } = instance
  instance.rotate()
  instance.disassociateProfile()
  expect(instance.findCredentials(credentials?.accessKeyId ?? '')).toBe(credentials)
  expect(instance.findCredentials('FAKEUNKNOWN')).toBeUndefined()
})

test('every part of all credentials is new and obviously fake', () => {
  const { instance } = setup()
  const sets = Array.from({ length: 50 }, () => {
    instance.rotate()
    return instance.credentials
  })
  const parts = sets.flatMap((set) => [set?.accessKeyId, set?.secretAccessKey, set?.sessionToken])
  expect(new Set(parts).size).toBe(150)
  expect(parts.every((part) => part?.startsWith('FAKE'))).toBe(true)
})

test('keys have the length of real ones', () => {
  const { instance } = setup()
  expect(instance.credentials?.accessKeyId).toMatch(/^\w{20}$/)
  expect(instance.credentials?.secretAccessKey).toMatch(/^.{40}$/)
})

test('credentials are always renewed at least five minutes before they expire', () => {
  const lifetime = fc.integer({ min: 10 * 60, max: 12 * 3_600 }).map((seconds) => seconds * 1_000)
  const renewEvery = fc.integer({ min: 1_000, max: 24 * HOUR_MS })
  const passed = fc.integer({ min: 0, max: 365 * 24 * HOUR_MS })
  fc.assert(
    fc.property(lifetime, renewEvery, passed, (lifetimeMs, renewEveryMs, now) => {
      const endsAt = issuedAt(now, 0, renewalPeriodMs(lifetimeMs, renewEveryMs)) + lifetimeMs
      expect(endsAt - now).toBeGreaterThan(5 * MINUTE_MS)
    }),
  )
})

test('the current credentials have never expired, however short their life', () => {
  const seconds = fc.integer({ min: 1, max: 12 * 3_600 }).map((count) => count * 1_000)
  fc.assert(
    fc.property(seconds, seconds, fc.nat(), (lifetimeMs, renewEveryMs, now) => {
      const at = issuedAt(now, 0, renewalPeriodMs(lifetimeMs, renewEveryMs))
      expect(at).toBeLessThanOrEqual(now)
      expect(at + lifetimeMs).toBeGreaterThan(now)
    }),
  )
})

test('setting the wall clock back does not change the current credentials', () => {
  const { clock, instance } = setup()
  const before = instance.credentials
  clock.stepWallClock(-24 * HOUR_MS)
  expect(instance.credentials).toBe(before)
})

test('serves given credentials unchanged, and asks for them at each renewal', () => {
  const clock = createTestClock()
  const given = {
    accessKeyId: 'KEY',
    secretAccessKey: 'secret',
    sessionToken: 'token',
    expiration: new Date(0),
  }
  let issued = 0
  const issueCredentials = (role: IamRole) => ({ ...given, accessKeyId: `${role.name} ${(issued += 1)}` })
  const instance = emulateInstance({ clock, issueCredentials })
  expect(instance.credentials).toMatchObject({
    ...given,
    accessKeyId: 'app-role 1',
    accountId: '123456789012',
  })
  instance.rotate()
  expect(credentialsDocument(instance)).toMatchObject({
    AccessKeyId: 'app-role 2',
    SecretAccessKey: 'secret',
    Token: 'token',
    Expiration: '1970-01-01T00:00:00Z',
  })
})
