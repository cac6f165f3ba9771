import { expect, onTestFinished, test } from 'vitest'
import { type Call, refreshMarginsMs, setsInUse, tally } from '../../examples/a-role-at-work/accounts.js'
import { createFastTime } from '../../examples/a-role-at-work/fast-time.js'
import {
  createNarrator,
  describeCalls,
  describeMargin,
  mask,
  timeOfDay,
} from '../../examples/a-role-at-work/narrator.js'
import type { Part } from '../../examples/a-role-at-work/story.js'
import { type Evidence, summarize } from '../../examples/a-role-at-work/summary.js'
import type { RecordedRequest } from '../../examples/emulated-aws/verifying-aws-endpoint.js'
import { emulateInstance } from '../../src/testing/index.js'

// The demo's summary is only worth reading if it says NO where something did not happen.

const MINUTE = 60_000
const KEYS = ['KEY1', 'KEY2', 'KEY3', 'KEY4', 'KEY5']

/** The n-th set comes into use n × 5 min after the start, and expires 10 min after that. */
const issued = (accessKeyId: string) => {
  const index = KEYS.indexOf(accessKeyId)
  if (index === -1) return undefined
  const expiration = new Date((index * 5 + 10) * MINUTE)
  return { roleName: index < 4 ? 'app-role' : 'reporting-role', expiration }
}

const used = (accessKeyId: string, at: number): RecordedRequest => ({
  at,
  accessKeyId,
  host: '127.0.0.1',
  service: 's3',
  operation: 'GetObject',
  verdict: 'accepted',
  userAgent: '',
})

const REQUESTS = KEYS.flatMap((key, index) => [
  used(key, index * 5 * MINUTE),
  used(key, (index * 5 + 1) * MINUTE),
])

const calls = (...durationsMs: readonly number[]): Call[] => durationsMs.map((durationMs) => ({ durationMs }))
const part = (change: Partial<Part> = {}): Part => ({ calls: calls(5, 9), imdsRequests: 1, ...change })

const EVIDENCE: Evidence = {
  calls: calls(240, 3, 5),
  identities: new Set(['arn of app-role', 'arn of reporting-role']),
  sets: setsInUse(REQUESTS, issued),
  awsRequests: REQUESTS,
  imdsRequests: 12,
  parts: new Map([
    ['down', part()],
    ['slow', part()],
  ]),
}

function printed() {
  let text = ''
  return { narrator: createNarrator({ write: (line) => (text += line) }), text: () => text }
}

function summaryOf(evidence: Evidence, other: Evidence = EVIDENCE) {
  const { narrator, text } = printed()
  return { holds: summarize([evidence, other], narrator), text: text() }
}

test('succeeds if every claim was observed', () => {
  const { holds, text } = summaryOf(EVIDENCE)
  expect(text).not.toContain('NO')
  expect(holds).toBe(true)
})

const failure: Call = { durationMs: 1, error: 'ExpiredToken' }
const withPart = (name: 'down' | 'slow', change: Partial<Part>) => ({
  parts: new Map([...EVIDENCE.parts, [name, part(change)] as const]),
})

test.each<readonly [string, Partial<Evidence>]>([
  ['a call failed', { calls: [...EVIDENCE.calls, failure] }],
  ['no call was made', { calls: [] }],
  ['AWS refused a request', { awsRequests: [{ verdict: 'accepted' }, { verdict: 'expired' }] }],
  ['AWS was never called', { awsRequests: [] }],
  ['no set was used', { sets: [] }],
  ['too few sets were used', { sets: EVIDENCE.sets.slice(2) }],
  ['a set was replaced too late', { sets: EVIDENCE.sets.map((set) => ({ ...set, expiresAt: 0 })) }],
  ['a call failed in the outage', withPart('down', { calls: [failure] })],
  ['no call was made in the outage', withPart('down', { calls: [] })],
  ['no refresh met the outage', withPart('down', { imdsRequests: 0 })],
  ['the story had no outage', { parts: new Map() }],
  ['a call waited for the slow IMDS', withPart('slow', { calls: calls(510) })],
  ['the slow IMDS was never asked', withPart('slow', { imdsRequests: 0 })],
  ['STS never named the new role', { identities: new Set(['arn of app-role']) }],
])('fails if %s', (_, change) => {
  const { holds, text } = summaryOf({ ...EVIDENCE, ...change })
  expect(text).toContain('NO ')
  expect(holds).toBe(false)
})

test('counts the calls of each application, and makes no claim about the second', () => {
  const sets = EVIDENCE.sets.slice(0, 2).map((set) => ({ ...set, expiresAt: 2 * MINUTE }))
  const other = { ...EVIDENCE, calls: [...calls(100, 40), failure, failure], sets, imdsRequests: 7 }
  const { holds, text } = summaryOf(EVIDENCE, other)
  expect(holds).toBe(true)
  expect(text.split('\n').slice(0, 6)).toEqual([
    '  Calls that succeeded      3                         2',
    '  Calls that failed         0                         2 FAILED: ExpiredToken',
    '  Slowest call              5 ms                      40 ms',
    '  Sets of credentials       5                         2',
    '  Latest refresh            5 min before expiration   3 min after expiration',
    '  Requests to IMDS          12                        7',
  ])
})

test('mentions no refresh if there was none', () => {
  const { text } = summaryOf({ ...EVIDENCE, sets: [], calls: [] })
  expect(text).not.toMatch(/Infinity|NaN/)
  expect(text).toMatch(/^ {2}Latest refresh +none /m)
})

test('writes no line that is longer than the terminal is wide', () => {
  const { narrator, text } = printed()
  const margin = describeMargin(359 * MINUTE)
  narrator.tell(754 * MINUTE, 'green', "AWS's provider", `renews ${margin} expiry: FAKE…78ED, reporting-role`)
  narrator.row('12:34  IMDS is slow', [
    describeCalls(tally(calls(12_345))),
    describeCalls(tally([...calls(...Array.from({ length: 999 }, () => 1)), failure])),
  ])
  const lines = text().trimEnd().split('\n')
  expect(lines).toHaveLength(2)
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
})

test('counts calls, and names each error once', () => {
  expect(tally([...calls(3, 8), failure, failure])).toEqual({
    ok: 2,
    failed: 2,
    slowestMs: 8,
    errors: ['ExpiredToken'],
  })
  expect(tally([])).toEqual({ ok: 0, failed: 0, slowestMs: 0, errors: [] })
})

test('counts credentials once, from their first use', () => {
  expect(EVIDENCE.sets.map(({ accessKeyId, firstUsedAt }) => [accessKeyId, firstUsedAt / MINUTE])).toEqual([
    ['KEY1', 0],
    ['KEY2', 5],
    ['KEY3', 10],
    ['KEY4', 15],
    ['KEY5', 20],
  ])
})

test('measures the remaining life of credentials when the next ones were first used', () => {
  expect(refreshMarginsMs(EVIDENCE.sets)).toEqual([5, 5, 5, 5].map((minutes) => minutes * MINUTE))
})

test('says how long before or after their expiration credentials were replaced', () => {
  expect(describeMargin(87.5 * MINUTE)).toBe('87 min before')
  expect(describeMargin(-32 * MINUTE)).toBe('32 min after')
})

test('formats the time since the start', () => {
  expect(timeOfDay(754 * MINUTE)).toBe('12:34')
})

test('shows too little of a key to use it', () => {
  expect(mask('FAKE0000015CDCD28AB8')).toBe('FAKE…8AB8')
})

test('jumps in time for everybody who reads it, until it is released', async () => {
  const realNow = Date.now()
  const time = createFastTime()
  onTestFinished(() => time.release())
  const { credentials } = emulateInstance({ clock: time.imdsClock })
  await time.leap(90 * MINUTE)
  expect(Date.now()).toBe(time.now())
  expect(time.now() - realNow).toBeGreaterThan(89 * MINUTE)
  expect(credentials?.expiration.getTime()).toBeGreaterThan(realNow)
  time.release()
  expect(Date.now() - realNow).toBeLessThan(MINUTE)
})

test('reports a delayed response of IMDS as running, in real time', async () => {
  const time = createFastTime()
  onTestFinished(() => time.release())
  const before = time.now()
  const answered = time.imdsClock.sleep(20)
  expect(time.isImdsAnswering).toBe(true)
  await answered
  expect(time.isImdsAnswering).toBe(false)
  expect(time.isImdsQuiet).toBe(false)
  expect(time.now()).toBe(before)
})
