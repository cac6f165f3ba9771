import { expect, test } from 'vitest'
import { clockOffsetMs } from '../../src/imds/clock-offset.js'
import { SECOND } from '../setup.js'

test.each(['0', '9999', '+275760-09-13T00:00:00Z', '2026-01-01T00:00:00Z', 'Thu, 01 Jan 2026'])(
  'ignores a Date header of %j',
  (header) => {
    expect(clockOffsetMs(header, Date.UTC(2026, 0, 1))).toBeUndefined()
  },
)

test.each([
  ['Thu, 01 Jan 2026 00:00:10 GMT', 10 * SECOND],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
])('reads the Date header %s', (header, offset) => {
  expect(clockOffsetMs(header, Date.UTC(2026, 0, 1))).toBe(offset)
})

test.each([
  { tookMs: 29_999, offset: 10 * SECOND },
  { tookMs: 30_000, offset: undefined },
  { tookMs: -1, offset: undefined },
])('says $offset after an exchange that seems to have taken $tookMs ms', ({ tookMs, offset }) => {
  expect(clockOffsetMs('Thu, 01 Jan 2026 00:00:10 GMT', Date.UTC(2026, 0, 1), tookMs)).toBe(offset)
})
