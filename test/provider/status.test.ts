import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import type { LoadedRole } from '../../src/credentials/credentials-loader.js'
import { type StateFacts, stateAt } from '../../src/provider/status.js'
import type { Held } from '../../src/refresh/refresh-schedule.js'
import { HOUR, MINUTE, setup } from '../setup.js'

afterEach(() => vi.unstubAllEnvs())

const NOW = Date.UTC(2026, 0, 1)

/** Credentials of the role, last tried a second ago. */
function held(expiresAt: number, rest: Partial<Held<LoadedRole>> = {}): Held<LoadedRole> {
  const credentials = {
    accessKeyId: 'FAKE',
    secretAccessKey: 'FAKE',
    sessionToken: 'FAKE',
    expiration: new Date(expiresAt),
  }
  const value = { id: 'FAKE', roleName: 'app-role', credentials, expiresAt, clockOffsetMs: undefined }
  const instants = { triedAt: NOW - 1_000, refreshAt: NOW, waitAt: expiresAt - MINUTE }
  return { value, lifetimeMs: 6 * HOUR, receivedElapsedMs: 0, failures: 0, ...instants, ...rest }
}

const VALID = held(NOW + MINUTE)
const WITHDRAWN = held(NOW + MINUTE, { isWithdrawn: true })
const EXTENDED = held(NOW - MINUTE, { extendedUntil: NOW + MINUTE })
/** The clock was set back to before the try that decided to extend. */
const UNDECIDED = held(NOW - MINUTE, { extendedUntil: NOW + MINUTE, triedAt: NOW + 1_000 })
const EXTENDED_ONCE = held(NOW - HOUR, { extendedUntil: NOW })
const EXPIRED = held(NOW)

test.each([
  ['empty', 'nothing was loaded', undefined, undefined],
  ['empty', 'the set expired while nobody called', EXPIRED, undefined],
  ['empty', 'an expired set that IMDS gave is no longer extended', EXTENDED_ONCE, undefined],
  ['ok', 'the set is valid', VALID, undefined],
  ['degraded', 'the last load failed', VALID, 'TIMEOUT'],
  ['degraded', 'the role was detached', WITHDRAWN, undefined],
  ['degraded', 'the role was detached, and the last load failed', WITHDRAWN, 'NO_ROLE'],
  ['extended', 'an outage lasts beyond the expiration', EXTENDED, 'TIMEOUT'],
  ['extended', 'IMDS gave an expired set', EXTENDED, undefined],
  ['failing', 'the first load failed', undefined, 'NO_ROLE'],
  ['failing', 'the credentials of a detached role expired', EXPIRED, 'NO_ROLE'],
  ['failing', 'the extension is over', EXTENDED_ONCE, 'TIMEOUT'],
  ['failing', 'the extension was decided at a later instant', UNDECIDED, 'TIMEOUT'],
] as const)('is %s where %s', (state, _when, what, lastErrorCode) => {
  expect(stateAt(NOW, { held: what, lastErrorCode })).toBe(state)
})

/** Each state, in the words of the documentation. */
const DEFINITIONS = {
  empty: (usable: boolean, _unexpired: boolean, failed: boolean) => !usable && !failed,
  ok: (_usable: boolean, unexpired: boolean, failed: boolean, detached: boolean) =>
    unexpired && !failed && !detached,
  degraded: (_usable: boolean, unexpired: boolean, failed: boolean, detached: boolean) =>
    unexpired && (failed || detached),
  extended: (usable: boolean, unexpired: boolean) => usable && !unexpired,
  failing: (usable: boolean, _unexpired: boolean, failed: boolean) => !usable && failed,
}

function namesThatFit({ held: what, lastErrorCode }: StateFacts): string[] {
  const unexpired = what !== undefined && NOW < what.value.expiresAt
  const { extendedUntil = -Infinity, triedAt = NOW } = what ?? {}
  const usable = unexpired || (NOW < extendedUntil && triedAt <= NOW)
  const isFit = Object.entries(DEFINITIONS).filter(([, fits]) =>
    fits(usable, unexpired, lastErrorCode !== undefined, what?.isWithdrawn === true),
  )
  return isFit.map(([name]) => name)
}

const instant = fc.integer({ min: -3, max: 3 }).map((minutes) => NOW + minutes * MINUTE)
const anyHeld = fc
  .record({
    expiresAt: instant,
    triedAt: instant,
    extendedUntil: fc.option(instant, { nil: undefined }),
    isWithdrawn: fc.boolean(),
  })
  .map(({ expiresAt, triedAt, extendedUntil, isWithdrawn }) =>
    held(expiresAt, {
      triedAt,
      ...(extendedUntil !== undefined && { extendedUntil }),
      ...(isWithdrawn && { isWithdrawn }),
    }),
  )
const anyFacts: fc.Arbitrary<StateFacts> = fc.record({
  held: fc.option(anyHeld, { nil: undefined }),
  lastErrorCode: fc.constantFrom(undefined, 'TIMEOUT', 'NO_ROLE'),
})

test('has exactly one state, whatever is cached and whatever failed', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      expect(namesThatFit(facts)).toEqual([stateAt(NOW, facts)])
    }),
  )
})

test('follows a provider through an outage', async () => {
  const { clock, instance, provider } = setup()
  const state = () => provider.status().state
  expect(state()).toBe('empty')
  await provider()
  expect(state()).toBe('ok')
  instance.failUntilLifted('all', { status: 500 })
  await clock.advance(4 * HOUR)
  await provider()
  await clock.advance(MINUTE)
  expect(state()).toBe('degraded')
  await clock.advance(2 * HOUR)
  const last = provider()
  await clock.advance(MINUTE)
  await last
  expect(state()).toBe('extended')
  instance.clearFaults()
  await clock.advance(2 * MINUTE)
  await provider({ forceRefresh: true })
  expect(state()).toBe('ok')
})

test('is degraded after the role is detached, and failing after its credentials expired and a call failed', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  instance.disassociateProfile()
  await provider({ forceRefresh: true })
  expect(provider.status().state).toBe('degraded')
  await clock.advance(7 * HOUR)
  await expect(provider()).rejects.toMatchObject({ code: 'NO_ROLE' })
  expect(provider.status()).toMatchObject({ state: 'failing', lastErrorCode: 'NO_ROLE' })
})

test('is failing if the first load fails', async () => {
  const { instance, provider } = setup()
  instance.disassociateProfile()
  await expect(provider()).rejects.toThrow()
  expect(provider.status().state).toBe('failing')
})

test('is failing if the settings allow no load, and empty after it is closed', async () => {
  const { provider } = setup()
  vi.stubEnv('AWS_METADATA_SERVICE_TIMEOUT', 'soon')
  await expect(provider()).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  expect(provider.status()).toEqual({ state: 'failing', lastErrorCode: 'BAD_CONFIG', requests: 0 })
  await provider.close()
  expect(provider.status()).toEqual({ state: 'empty', requests: 0 })
})

test('survives serialisation unchanged', async () => {
  const { provider } = setup()
  await provider()
  const status = provider.status()
  expect(JSON.parse(JSON.stringify(status))).toEqual(status)
  expect(status).toEqual({
    state: 'ok',
    roleName: 'app-role',
    expiration: '2026-01-01T06:00:00.000Z',
    lastSuccess: '2026-01-01T00:00:00.000Z',
    nextRefresh: expect.stringMatching(/^2026-01-01T0[23]:/) as string,
    requests: 3,
  })
})

test('shows only role, state and expiration when a provider is inspected', async () => {
  const { clock, instance, provider } = setup()
  expect(inspect(provider)).toBe('[instance-role provider: empty]')
  await provider()
  expect(inspect(provider)).toBe('[instance-role provider: app-role, ok, expires 2026-01-01T06:00:00.000Z]')
  expect(inspect({ provider }, { depth: 0, showHidden: true })).toContain('provider: [instance-role provider')
  instance.failUntilLifted('all', { status: 403 })
  await clock.advance(7 * HOUR)
  await expect(provider()).rejects.toThrow()
  expect(inspect(provider)).toBe(
    '[instance-role provider: app-role, failing, IMDS_DISABLED, expired 2026-01-01T06:00:00.000Z]',
  )
})
