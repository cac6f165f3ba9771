import { expect, test } from 'vitest'
import { countImdsRequests, refreshMarginsMs, setsInUse } from '../../examples/a-role-at-work/accounts.js'
import { createNarrator, mask } from '../../examples/a-role-at-work/narrator.js'
import { type Evidence, summarize } from '../../examples/a-role-at-work/summary.js'
import type { RecordedRequest } from '../../examples/emulated-aws/verifying-aws-endpoint.js'

// The demo's summary is only worth reading if it says NO where something did not happen.

const KEYS = ['KEY1', 'KEY2', 'KEY3', 'KEY4', 'KEY5']

/** The n-th set comes into use n × 5 s after the start, and expires 10 s after that. */
const issued = (accessKeyId: string) => {
  const index = KEYS.indexOf(accessKeyId)
  if (index === -1) return undefined
  return { roleName: index < 4 ? 'app-role' : 'reporting-role', expiration: new Date(index * 5_000 + 10_000) }
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

const REQUESTS = KEYS.flatMap((key, index) => [used(key, index * 5_000), used(key, index * 5_000 + 1_000)])

const IMDS_REQUESTS = [
  'PUT /latest/api/token 200',
  'GET /latest/meta-data/iam/security-credentials/ 200',
  'GET /latest/meta-data/iam/security-credentials/app-role 200',
  'GET /latest/meta-data/iam/security-credentials/app-role 200',
  'GET /latest/meta-data/iam/security-credentials/app-role reset',
  'GET /latest/meta-data/iam/security-credentials/app-role 200',
  'GET /latest/meta-data/iam/security-credentials/app-role 200',
  'GET /latest/meta-data/iam/security-credentials/app-role 404',
  'GET /latest/meta-data/iam/security-credentials/ 200',
  'GET /latest/meta-data/iam/security-credentials/reporting-role 200',
]

const EVIDENCE: Evidence = {
  elapsedMs: 20_000,
  workload: {
    durationsMs: [40, 3, 5],
    failures: [],
    identities: new Set(['arn of app-role', 'arn of reporting-role']),
    run: () => Promise.resolve(),
  },
  told: {
    slowness: { durationMs: 5_000, calls: 100, longestCallMs: 9, imdsRequests: 1 },
    outage: { durationMs: 5_000, calls: 100, longestCallMs: 9, imdsRequests: 1 },
  },
  sets: setsInUse(REQUESTS, issued),
  awsRequests: REQUESTS,
  imdsRequests: IMDS_REQUESTS,
}

function summaryOf(evidence: Evidence) {
  let text = ''
  const narrator = createNarrator({ write: (line) => (text += line) }, 0)
  return { holds: summarize(evidence, narrator), text }
}

test('holds where all that is claimed was seen', () => {
  const { holds, text } = summaryOf(EVIDENCE)
  expect(text).not.toContain('NO')
  expect(holds).toBe(true)
})

const { workload, told } = EVIDENCE

test.each<readonly [string, Partial<Evidence>]>([
  ['a call failed', { workload: { ...workload, failures: ['ExpiredToken'] } }],
  ['no call was made', { workload: { ...workload, durationsMs: [] } }],
  ['AWS refused a request', { awsRequests: REQUESTS.map((request) => ({ ...request, verdict: 'expired' })) }],
  ['AWS was never called', { awsRequests: [] }],
  ['IMDS was asked without a token', { imdsRequests: IMDS_REQUESTS.slice(1) }],
  ['a second token was taken', { imdsRequests: [...IMDS_REQUESTS, 'PUT /latest/api/token 200'] }],
  ['no set was used', { sets: [], imdsRequests: IMDS_REQUESTS.slice(0, 2) }],
  ['too few sets were used', { sets: EVIDENCE.sets.slice(1) }],
  ['a set was replaced too late', { sets: EVIDENCE.sets.map((set) => ({ ...set, expiresAt: 0 })) }],
  ['IMDS was asked more than needed', { imdsRequests: [...IMDS_REQUESTS, ...IMDS_REQUESTS.slice(2, 3)] }],
  ['a call waited', { told: { ...told, slowness: { ...told.slowness, longestCallMs: 510 } } }],
  ['no refresh met the outage', { told: { ...told, outage: { ...told.outage, imdsRequests: 0 } } }],
  ['STS never named the new role', { workload: { ...workload, identities: new Set(['arn of app-role']) } }],
])('does not hold where %s', (_, change) => {
  const { holds, text } = summaryOf({ ...EVIDENCE, ...change })
  expect(text).toContain('NO ')
  expect(holds).toBe(false)
})

test('speaks of no refresh where there was none', () => {
  const { text } = summaryOf({ ...EVIDENCE, sets: [], workload: { ...workload, durationsMs: [] } })
  expect(text).not.toMatch(/Infinity|NaN/)
  expect(text).toMatch(/^ {2}Refreshes +0$/m)
  expect(text).toMatch(/^ {2}NO {2}Each set took one request for credentials\.$/m)
})

test('counts the requests to IMDS by kind', () => {
  expect(countImdsRequests(IMDS_REQUESTS)).toEqual({
    token: 1,
    role: 2,
    credentials: 5,
    notFound: 1,
    unanswered: 1,
  })
})

test('counts each set once, from its first use', () => {
  expect(EVIDENCE.sets.map(({ accessKeyId, firstUsedAt }) => [accessKeyId, firstUsedAt])).toEqual([
    ['KEY1', 0],
    ['KEY2', 5_000],
    ['KEY3', 10_000],
    ['KEY4', 15_000],
    ['KEY5', 20_000],
  ])
})

test('measures how long a set had still to live when the next came into use', () => {
  expect(refreshMarginsMs(EVIDENCE.sets)).toEqual([5_000, 5_000, 5_000, 5_000])
})

test('shows too little of a key to use it', () => {
  expect(mask('FAKE0000015CDCD28AB8')).toBe('FAKE…8AB8')
})
