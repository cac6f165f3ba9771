import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  afterFailure,
  afterInvalidation,
  afterSuccess,
  type Expiring,
  extensionAt,
  type Held,
  isServable,
  judge,
  type Moment,
  nextRefreshAt,
  wasTriedLately,
} from '../../src/refresh/refresh-schedule.js'
import { seededRandom } from '../../bench/simulation/seeded-random.js'
import { HOUR, MINUTE, SECOND } from '../setup.js'

const NOW = Date.UTC(2026, 0, 1)
const half = (): number => 0.5

/** Both clocks run equally. */
function at(now: number, random = half): Moment {
  return { now, elapsedMs: now - NOW, random }
}

function set(expiresAt: number, id = 'a'): Expiring {
  return { id, expiresAt }
}

function held(lifetimeMs: number): Held<Expiring> {
  return afterSuccess(at(NOW), undefined, set(NOW + lifetimeMs))
}

test.each([
  { what: 'a set of EC2', lifetimeMs: 6 * HOUR, softMs: 3 * HOUR, hardMs: 6 * HOUR - MINUTE },
  { what: 'a set of an emulator', lifetimeMs: 15 * MINUTE, softMs: 7.5 * MINUTE, hardMs: 14 * MINUTE },
  { what: 'a short set', lifetimeMs: 100 * SECOND, softMs: 50 * SECOND, hardMs: 90 * SECOND },
])(
  'uses $what until half its life, refreshes behind calls until the refresh-first point, then refreshes first',
  ({ lifetimeMs, softMs, hardMs }) => {
    const it = held(lifetimeMs)
    const verdicts = [0, softMs - 1, softMs, hardMs - 1, hardMs, lifetimeMs - 1, lifetimeMs].map((ms) =>
      judge(NOW + ms, it),
    )
    expect(verdicts).toEqual([
      'use',
      'use',
      'use-and-refresh',
      'use-and-refresh',
      'refresh-first',
      'refresh-first',
      'refresh-first',
    ])
  },
)

test('loads if nothing is cached', () => {
  expect(judge(NOW, undefined)).toBe('refresh-first')
})

test.each([
  { random: 0, share: 0.45 },
  { random: 0.5, share: 0.5 },
  { random: 0.999_999, share: 0.55 },
])(
  'puts the refresh-ahead point at $share of the remaining life if the random number is $random',
  ({ random, share }) => {
    const it = afterSuccess(
      at(NOW, () => random),
      undefined,
      set(NOW + HOUR),
    )
    expect((it.refreshAt - NOW) / HOUR).toBeCloseTo(share, 4)
  },
)

test('applies the rule to the remaining life if the same credentials come back', () => {
  const again = afterSuccess(at(NOW + 3 * HOUR), held(6 * HOUR), set(NOW + 6 * HOUR))
  expect(again.refreshAt).toBe(NOW + 4.5 * HOUR)
  expect(again.waitAt).toBe(NOW + 6 * HOUR - MINUTE)
})

test('pauses 10 s between two loads of the same credentials, but not beyond their expiration', () => {
  const late = NOW + HOUR - 30 * SECOND
  const again = afterSuccess(at(late), held(HOUR), set(NOW + HOUR))
  expect(again.refreshAt).toBe(late + 10 * SECOND)
  const atTheEnd = afterSuccess(at(NOW + HOUR - 2 * SECOND), again, set(NOW + HOUR))
  expect(atTheEnd.refreshAt).toBe(NOW + HOUR)
})

test('pauses 30 s to 60 s if IMDS returns expired credentials, and extends them', () => {
  const it = afterSuccess(at(NOW), undefined, set(NOW - HOUR))
  expect(it).toMatchObject({ refreshAt: NOW + 45 * SECOND, extendedUntil: NOW + 3 * MINUTE })
  expect(judge(NOW, it)).toBe('use')
  expect(judge(NOW + 45 * SECOND, it)).toBe('use-and-refresh')
  expect(judge(NOW + 3 * MINUTE, it)).toBe('refresh-first')
})

test('accepts newer credentials even if they expire earlier, but not expired ones', () => {
  const it = held(6 * HOUR)
  expect(afterSuccess(at(NOW + SECOND), it, set(NOW + HOUR, 'b')).value.id).toBe('b')
  expect(afterSuccess(at(NOW + SECOND), it, set(NOW - HOUR, 'b'))).toMatchObject({
    value: { id: 'a' },
    refreshAt: NOW + 46 * SECOND,
  })
})

test('recognises credentials by ID and expiration together', () => {
  const it = held(HOUR)
  const late = NOW + HOUR - 30 * SECOND
  const prolonged = afterSuccess(at(late), it, set(NOW + 2 * HOUR))
  expect(prolonged.lifetimeMs).toBe(HOUR + 30 * SECOND)
  // Without the pause of 10 s after the same credentials.
  const short = afterSuccess(at(NOW), held(10 * SECOND), set(NOW + 12 * SECOND))
  expect(short.refreshAt).toBe(NOW + 6 * SECOND)
  const another = afterSuccess(at(late), it, set(NOW + HOUR, 'b'))
  expect(another).toMatchObject({ lifetimeMs: 30 * SECOND, refreshAt: late + 15 * SECOND })
})

test('makes calls wait in the last minute of credentials that came while the clock was ahead', () => {
  const ahead = afterSuccess(at(NOW + 7 * HOUR), undefined, set(NOW + 6 * HOUR))
  const corrected = afterSuccess(at(NOW), ahead, set(NOW + 6 * HOUR))
  expect(corrected.waitAt).toBe(NOW + 6 * HOUR - MINUTE)
})

test('does not treat a try as recent if the clock was set back to before it', () => {
  const it = held(HOUR)
  expect([0, 9, 10].map((seconds) => wasTriedLately(NOW + seconds * SECOND, it))).toEqual([true, true, false])
  expect(wasTriedLately(NOW - 1, it)).toBe(false)
})

test('makes one call wait, not each, if a refresh fails after an invalidation', () => {
  const it = afterFailure(at(NOW), afterInvalidation(held(HOUR)), true)
  expect(judge(NOW, it)).toBe('use')
})

test('pauses for as long as an error asks, at most until the refresh-first point and the expiration', () => {
  const it = held(HOUR)
  const asking = (now: number) => afterFailure(at(now), it, true, 45 * SECOND).refreshAt
  expect(asking(NOW)).toBe(NOW + 45 * SECOND)
  expect(asking(it.waitAt - SECOND)).toBe(it.waitAt)
  expect(asking(it.value.expiresAt - SECOND)).toBe(it.value.expiresAt)
})

test('retries a failure at the refresh-first point and at the expiration at the latest', () => {
  const it = held(HOUR)
  const early = afterFailure(at(NOW + 30 * MINUTE), it, true)
  expect(early.refreshAt).toBe(NOW + 30 * MINUTE + 0.5 * SECOND)
  const nearHard = afterFailure(at(NOW + 59 * MINUTE - 10), { ...it, failures: 9 }, true)
  expect(nearHard.refreshAt).toBe(NOW + 59 * MINUTE)
  const nearEnd = afterFailure(at(NOW + HOUR - 10), { ...it, failures: 9 }, true)
  expect(nearEnd.refreshAt).toBe(NOW + HOUR)
  expect(nearEnd).not.toHaveProperty('extendedUntil')
})

test('extends only after the expiration, only if IMDS was unavailable, and by 2 to 4 min', () => {
  const it = held(HOUR)
  const end = NOW + HOUR
  expect(
    extensionAt(
      end,
      afterFailure(
        at(end, () => 0),
        it,
        true,
      ),
    ),
  ).toBe(end + 2 * MINUTE)
  expect(
    extensionAt(
      end,
      afterFailure(
        at(end, () => 1),
        it,
        true,
      ),
    ),
  ).toBe(end + 4 * MINUTE)
  expect(isServable(end, afterFailure(at(end), it, false))).toBe(false)
  expect(judge(end, afterFailure(at(end), it, false))).toBe('refresh-first')
})

test('reports the next refresh: at once after an invalidation or if the clock was set back, otherwise when it is due', () => {
  const it = held(6 * HOUR)
  expect(nextRefreshAt(NOW, it)).toBe(NOW + 3 * HOUR)
  expect(nextRefreshAt(NOW + MINUTE, afterInvalidation(it))).toBe(NOW + MINUTE)
  expect(nextRefreshAt(NOW - MINUTE, it)).toBe(NOW - MINUTE)
})

test('waits for a load after an invalidation, and keeps the credentials', () => {
  const it = afterInvalidation(held(HOUR))
  expect(judge(NOW, it)).toBe('refresh-first')
  expect(isServable(NOW, it)).toBe(true)
})

test.each([0, 1, 3, 6, 60, 1_000, Number.MAX_SAFE_INTEGER])(
  'backs off within the cap after %d failures',
  (failures) => {
    const capMs = Math.min(MINUTE, SECOND * 2 ** Math.min(failures, 10))
    const pauseMs = (random: () => number) =>
      afterFailure(at(NOW, random), { ...held(HOUR), failures }, true).refreshAt - NOW
    expect(pauseMs(() => 0)).toBe(0)
    expect(pauseMs(() => 0.5)).toBe(capMs / 2)
    expect(pauseMs(() => 0.999)).toBeLessThan(capMs)
  },
)

// Any life of the credentials: loads that return the same, other or expired ones, failures with and without a verdict, and time
// that passes in between, backwards as well.
const event = fc.record({
  passesMs: fc.integer({ min: -HOUR, max: 3 * HOUR }),
  what: fc.constantFrom('same', 'other', 'ended', 'unavailable', 'verdict', 'invalidation'),
  lifetimeMs: fc.integer({ min: SECOND, max: 12 * HOUR }),
  dice: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
})
const life = fc.array(event, { minLength: 1, maxLength: 30 })

function step(
  now: number,
  it: Held<Expiring>,
  { what, lifetimeMs, dice }: typeof event extends fc.Arbitrary<infer T> ? T : never,
) {
  const random = (): number => dice
  switch (what) {
    case 'same':
      return afterSuccess(at(now, random), it, it.value)
    case 'other':
      return afterSuccess(at(now, random), it, set(now + lifetimeMs, `${it.value.id}'`))
    case 'ended':
      return afterSuccess(at(now, random), it, set(now - lifetimeMs, `${it.value.id}-`))
    case 'unavailable':
      return afterFailure(at(now, random), it, true)
    case 'verdict':
      return afterFailure(at(now, random), it, false)
    case 'invalidation':
      return afterInvalidation(it)
  }
}

test('keeps its invariants through any life of the credentials', () => {
  fc.assert(
    fc.property(life, (events) => {
      let now = NOW
      let it = held(6 * HOUR)
      for (const happening of events) {
        now += happening.passesMs
        const before = it
        it = step(now, it, happening)
        const unexpired = now < before.value.expiresAt
        // A failed try or expired credentials never shorten the life of the cached ones.
        if (unexpired && happening.what !== 'same' && happening.what !== 'other')
          expect(it.value).toBe(before.value)
        // No credentials expire before a try was due.
        if (now < it.value.expiresAt) expect(judge(it.value.expiresAt, it)).not.toBe('use')
        // Credentials that are used without a try are unexpired, or were extended by a try after their expiration.
        if (judge(now, it) !== 'refresh-first' && now >= it.value.expiresAt) {
          expect(it.extendedUntil).toBeGreaterThan(now)
          expect(it.extendedUntil).toBeLessThanOrEqual(Math.max(now, it.triedAt) + 4 * MINUTE)
        }
        // After a failure, the next try is never in the past and never more than a minute away.
        if (happening.what === 'unavailable') {
          expect(it.refreshAt).toBeGreaterThanOrEqual(now)
          expect(it.refreshAt - now).toBeLessThanOrEqual(MINUTE)
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('never lets two thousand processes that start together refresh together', () => {
  const instants = Array.from(
    { length: 2_000 },
    () => afterSuccess(at(NOW, Math.random), undefined, set(NOW + 6 * HOUR)).refreshAt,
  )
  const perMinute = new Map<number, number>()
  for (const instant of instants) {
    const minute = Math.floor(instant / MINUTE)
    perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1)
  }
  // Spread over 36 min: about 56 in each.
  expect(Math.max(...perMinute.values())).toBeLessThan(120)
})

/** EC2's credentials: they live 6 h, and the next ones are published some time before they expire. Instants are true time. */
function publishedSet(trueMs: number, aheadMs: number): Expiring & { readonly issuedLifeMs: number } {
  const everyMs = 6 * HOUR - aheadMs
  const number = Math.floor(trueMs / everyMs)
  return { id: String(number), expiresAt: NOW + number * everyMs + 6 * HOUR, issuedLifeMs: 6 * HOUR }
}

/** Returns how many calls, one per second for 24 h, got truly expired credentials on a host whose clock is behind. */
function expiredCalls(behindMs: number, aheadMs: number, random: () => number): number {
  let it: Held<Expiring> | undefined
  let expired = 0
  for (let trueMs = 0; trueMs < 24 * HOUR; trueMs += SECOND) {
    const now = NOW + trueMs - behindMs
    const verdict = judge(now, it)
    // A refresh behind this call serves the next one.
    const served = verdict === 'refresh-first' ? undefined : it
    if (verdict !== 'use')
      it = afterSuccess({ now, elapsedMs: trueMs, random }, it, publishedSet(trueMs, aheadMs))
    if (((served ?? it)?.value.expiresAt ?? 0) <= NOW + trueMs) expired += 1
  }
  return expired
}

test.each([
  { behindHours: 3, aheadMinutes: 5 },
  { behindHours: 3, aheadMinutes: 60 },
  { behindHours: 10, aheadMinutes: 5 },
  { behindHours: 10, aheadMinutes: 60 },
])(
  'uses no expired credentials for 24 h on a host $behindHours h behind, if IMDS publishes $aheadMinutes min ahead',
  ({ behindHours, aheadMinutes }) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const expired = expiredCalls(behindHours * HOUR, aheadMinutes * MINUTE, seededRandom(seed))
      expect({ seed, expired }).toEqual({ seed, expired: 0 })
    }
  },
)

test('does not restart the life of credentials that are received again', () => {
  const received = { ...set(NOW + 16 * HOUR), issuedLifeMs: 6 * HOUR }
  const first = afterSuccess(at(NOW), undefined, received)
  expect(first.refreshAt).toBe(NOW + 3 * HOUR)
  const again = afterSuccess(at(NOW + 3 * HOUR), first, received)
  expect(again.refreshAt).toBe(NOW + 4.5 * HOUR)
  const failed = afterFailure(at(NOW + 4.5 * HOUR), again, true)
  const third = afterSuccess(at(NOW + 5 * HOUR), failed, received)
  expect(third.refreshAt).toBe(NOW + 5.5 * HOUR)
})

test('uses the issued life to plan a refresh, never as an expiration', () => {
  const it = afterSuccess(at(NOW), undefined, { ...set(NOW + 16 * HOUR), issuedLifeMs: 6 * HOUR })
  const later = NOW + 15 * HOUR
  expect(isServable(later, afterFailure(at(later), it, false))).toBe(true)
  expect(it.waitAt).toBe(NOW + 16 * HOUR - MINUTE)
})

test('ignores an extension that was decided at a later instant', () => {
  const jumped = NOW + 13 * HOUR
  const extended = afterFailure(at(jumped), held(6 * HOUR), true)
  expect(extensionAt(jumped, extended)).toBeDefined()
  const setRight = NOW + 6 * HOUR
  expect(extensionAt(setRight, extended)).toBeUndefined()
  expect(judge(setRight, extended)).toBe('refresh-first')
})
