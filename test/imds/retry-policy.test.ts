import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  InstanceRoleError,
  type InstanceRoleErrorCode,
  type InstanceRoleErrorDetails,
  TREATMENTS,
} from '../../src/errors.js'
import { count, retryDelayMs, Tally } from '../../src/imds/retry-policy.js'

type Failure = readonly [code: InstanceRoleErrorCode, details?: InstanceRoleErrorDetails]

const LONG_MS = 3_600_000

/** The delay after each failure of a load, up to where it gives up. */
function delaysAfter(
  failures: readonly Failure[],
  { retries = 3, remainingMs = LONG_MS, uncountedMs = 0, random = (): number => 1 } = {},
): readonly (number | undefined)[] {
  const tally = new Tally()
  const delays: (number | undefined)[] = []
  for (const [code, details] of failures) {
    const error = new InstanceRoleError(code, 'It failed.', details)
    count(tally, error)
    delays.push(retryDelayMs(error, tally, { retries, remainingMs, uncountedMs }, random))
    if (delays.at(-1) === undefined) break
  }
  return delays
}

function times(failure: Failure, number = 10): readonly Failure[] {
  return Array.from({ length: number }, () => failure)
}

const GIVES_UP = undefined
const TIMED_OUT = { timedOut: true }
const VANISHED: Failure = ['NO_ROLE', { step: 'credentials', statusCode: 404 }]

test.each<{ what: string; failures: readonly Failure[]; delays: readonly (number | undefined)[] }>([
  { what: 'throttling', failures: times(['THROTTLED']), delays: [100, 200, 400, GIVES_UP] },
  { what: 'a server error', failures: times(['SERVER_ERROR']), delays: [100, 200, 400, GIVES_UP] },
  { what: 'a bad response', failures: times(['BAD_RESPONSE']), delays: [100, 200, 400, GIVES_UP] },
  { what: 'a late answer', failures: times(['TIMEOUT', TIMED_OUT]), delays: [100, 200, 400, GIVES_UP] },
  { what: 'a refused connection', failures: times(['UNREACHABLE']), delays: [100, 200, 400, GIVES_UP] },
  { what: 'a connect timeout', failures: times(['UNREACHABLE', TIMED_OUT]), delays: [100, GIVES_UP] },
  { what: 'an unanswered PUT', failures: times(['HOP_LIMIT', TIMED_OUT]), delays: [100, GIVES_UP] },
  {
    what: 'a connect timeout, then an unanswered PUT',
    failures: [
      ['UNREACHABLE', TIMED_OUT],
      ['HOP_LIMIT', TIMED_OUT],
    ],
    delays: [100, GIVES_UP],
  },
  {
    what: 'unanswered tries among others',
    failures: [['HOP_LIMIT', TIMED_OUT], ['SERVER_ERROR'], ['HOP_LIMIT', TIMED_OUT]],
    delays: [100, 200, GIVES_UP],
  },
  { what: 'a refused token', failures: times(['TOKEN_REJECTED']), delays: [0, 100, 200, 400, GIVES_UP] },
  { what: 'a vanished role', failures: times(VANISHED), delays: [0, 0, 0, GIVES_UP] },
  {
    what: 'a vanished role and a forgotten token, at no cost to the budget',
    failures: [VANISHED, ['TOKEN_REJECTED'], ...times(['SERVER_ERROR'])],
    delays: [0, 0, 100, 200, 400, GIVES_UP],
  },
])('retries $what after $delays ms', ({ failures, delays }) => {
  expect(delaysAfter(failures)).toEqual(delays)
})

const FINAL = [
  'IMDS_DISABLED_BY_ENV',
  'IMDS_DISABLED',
  'NO_ROLE',
  'ROLE_NOT_FOUND',
  'ROLE_NOT_ASSUMABLE',
  'CREDENTIALS_NOT_ISSUED',
  'METADATA_ABSENT',
  'METADATA_NOT_TEXT',
  'UNEXPECTED_STATUS',
  'BAD_CONFIG',
  'CLOSED',
] as const satisfies InstanceRoleErrorCode[]

test.each(FINAL)('does not retry %s', (code) => {
  expect(delaysAfter([[code]])).toEqual([GIVES_UP])
})

const RETRIED: readonly InstanceRoleErrorCode[] = [
  'BAD_RESPONSE',
  'HOP_LIMIT',
  'SERVER_ERROR',
  'THROTTLED',
  'TIMEOUT',
  'TOKEN_REJECTED',
  'UNREACHABLE',
]

test.each(RETRIED)('retries %s', (code) => {
  expect(delaysAfter([[code]])).not.toEqual([GIVES_UP])
})

test('has decided for every code whether it is retried', () => {
  expect([...FINAL, ...RETRIED].sort()).toEqual(Object.keys(TREATMENTS).sort())
})

test.each<{ failure: Failure; delays: readonly (number | undefined)[] }>([
  { failure: ['SERVER_ERROR'], delays: [GIVES_UP] },
  { failure: ['HOP_LIMIT', TIMED_OUT], delays: [GIVES_UP] },
  { failure: ['TOKEN_REJECTED'], delays: [0, GIVES_UP] },
  { failure: VANISHED, delays: [0, 0, 0, GIVES_UP] },
])('without retries, retries $failure.0 only if that does not count', ({ failure, delays }) => {
  expect(delaysAfter(times(failure), { retries: 0 })).toEqual(delays)
})

test.each([
  { retryAfterMs: 0, remainingMs: 10_000, delayMs: 100 },
  { retryAfterMs: 50, remainingMs: 10_000, delayMs: 100 },
  { retryAfterMs: 2_000, remainingMs: 10_000, delayMs: 2_000 },
  { retryAfterMs: 9_999, remainingMs: 10_000, delayMs: 9_999 },
  { retryAfterMs: 10_000, remainingMs: 10_000, delayMs: GIVES_UP },
  { retryAfterMs: 3_600_000, remainingMs: 10_000, delayMs: GIVES_UP },
])(
  'waits $delayMs ms for a Retry-After of $retryAfterMs ms with $remainingMs ms left',
  ({ retryAfterMs, remainingMs, delayMs }) => {
    expect(delaysAfter([['THROTTLED', { retryAfterMs }]], { remainingMs })).toEqual([delayMs])
  },
)

test('counts consecutive failures of the same request: progress resets the count', () => {
  const failures: Failure[] = [
    ...times(['SERVER_ERROR', { step: 'token' }], 3),
    ...times(['SERVER_ERROR', { step: 'role' }], 3),
    ...times(['SERVER_ERROR', { step: 'credentials' }], 4),
  ]
  const perRequest = [100, 200, 400]
  expect(delaysAfter(failures)).toEqual([...perRequest, ...perRequest, ...perRequest, GIVES_UP])
})

test('continues to count if an earlier request succeeds again but the next one fails again', () => {
  const rejected: Failure = ['TOKEN_REJECTED', { step: 'credentials' }]
  const [forgotten, ...rest] = Array.from({ length: 5 }, () => [
    rejected,
    ['SERVER_ERROR', { step: 'token' }] as const,
  ])
  expect(delaysAfter([...(forgotten ?? []), ...rest.flat()])).toEqual([
    ...[0, 100],
    ...[100, 100],
    ...[200, 100],
    ...[400, 100],
    GIVES_UP,
  ])
})

test.each<{ failure: Failure }>([{ failure: ['THROTTLED'] }, { failure: ['SERVER_ERROR'] }])(
  'retries $failure without counting while that is allowed, at most 2 s apart',
  ({ failure }) => {
    expect(delaysAfter(times(failure, 8), { retries: 0, uncountedMs: 10_000 })).toEqual([
      100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000,
    ])
    expect(delaysAfter(times(failure, 8), { uncountedMs: 900 })).toEqual([100, 200, 400, 800, GIVES_UP])
  },
)

test.each<{ failure: Failure }>([
  { failure: ['UNREACHABLE', TIMED_OUT] },
  { failure: ['BAD_RESPONSE'] },
  { failure: ['UNEXPECTED_STATUS'] },
])('fails quickly after $failure nevertheless', ({ failure }) => {
  expect(delaysAfter(times(failure), { retries: 1, uncountedMs: 10_000 }).length).toBeLessThanOrEqual(2)
})

test('waits between half and all of the exponential delay, and never past the deadline', () => {
  const retryable = Object.entries(TREATMENTS).flatMap(([code, row]) => (row.retryable ? [code] : []))
  expect(retryable).not.toEqual([])
  const given = {
    failures: fc.nat({ max: 40 }),
    remainingMs: fc.nat({ max: 20_000 }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  }
  fc.assert(
    fc.property(fc.record(given), ({ failures, remainingMs, random }) => {
      const limits = { retries: 100, remainingMs, random: () => random }
      const delayMs = delaysAfter(times(['SERVER_ERROR'], failures + 1), {
        ...limits,
        remainingMs: LONG_MS,
      }).at(-1)
      const wholeMs = Math.min(2_000, 100 * 2 ** failures)
      expect(delayMs).toBeGreaterThanOrEqual(wholeMs / 2)
      expect(delayMs).toBeLessThanOrEqual(wholeMs)
      const [first] = delaysAfter([['SERVER_ERROR']], limits)
      expect(first === undefined || first < remainingMs).toBe(true)
    }),
  )
})
