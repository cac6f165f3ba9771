import type { RecordedRequest } from '../emulated-aws/verifying-aws-endpoint.js'
import { countImdsRequests, refreshMarginsMs, type SetInUse } from './accounts.js'
import { type Narrator, seconds } from './narrator.js'
import { SLOW_ANSWER_MS, type Told } from './story.js'
import type { Workload } from './workload.js'

export interface Evidence {
  readonly elapsedMs: number
  readonly workload: Workload
  readonly told: Told
  readonly sets: readonly SetInUse[]
  readonly awsRequests: readonly RecordedRequest[]
  readonly imdsRequests: readonly string[]
}

/** Prints what was counted and what is claimed of it; false where a claim does not hold. */
export function summarize(evidence: Evidence, narrator: Narrator): boolean {
  narrator.say('')
  for (const [name, value] of figures(evidence)) narrator.say(`  ${name.padEnd(26)}${value}`)
  narrator.say('')
  const claims = claimsOf(evidence)
  for (const [claim, holds] of claims) narrator.say(`  ${narrator.mark(holds)} ${claim}`)
  return claims.every(([, holds]) => holds)
}

function figures({ elapsedMs, workload, told, sets, imdsRequests }: Evidence): [string, string][] {
  const { durationsMs, failures } = workload
  const { outage } = told
  const [first = 0, ...later] = durationsMs
  const margins = refreshMarginsMs(sets)
  const imds = countImdsRequests(imdsRequests)
  return [
    ['Time', seconds(elapsedMs)],
    [
      'Calls to STS and S3',
      `${durationsMs.length}, of which ${failures.length} failed ${names(failures)}`.trimEnd(),
    ],
    ['In the outage', `${outage.calls} calls in ${seconds(outage.durationMs)}`],
    ['Longest call', `${ms(Math.max(0, ...later))} (the very first: ${ms(first)})`],
    ['Sets of credentials used', `${sets.length}, of ${rolesOf(sets).join(' and ')}`],
    ['Refreshes', `${margins.length}${latest(margins)}`],
    ['Requests to IMDS', `${imdsRequests.length}, of which`],
    ['  metadata token', String(imds.token)],
    ['  role name', String(imds.role)],
    ['  credentials', String(imds.credentials)],
    ['  of a role that was gone', String(imds.notFound)],
    ['  lost in the outage', String(imds.unanswered)],
  ]
}

function claimsOf({ workload, told, sets, awsRequests, imdsRequests }: Evidence): [string, boolean][] {
  const { slowness, outage } = told
  const margins = refreshMarginsMs(sets)
  const imds = countImdsRequests(imdsRequests)
  return [
    ['No call failed.', workload.durationsMs.length > 0 && workload.failures.length === 0],
    [
      'AWS found every signature right and every set unexpired.',
      awsRequests.length > 0 && awsRequests.every(({ verdict }) => verdict === 'accepted'),
    ],
    [
      'One metadata token (IMDSv2), asked for first, served for everything.',
      imdsRequests[0] === 'PUT /latest/api/token 200' && imds.token === 1,
    ],
    ['Every set was replaced ahead of its expiration.', margins.length >= 4 && Math.min(...margins) > 0],
    ['Each set took one request for credentials.', sets.length > 0 && imds.credentials === sets.length],
    ['No call waited for a slow refresh.', slowness.calls > 0 && slowness.longestCallMs < SLOW_ANSWER_MS],
    ['A refresh met the outage, and the calls went on.', outage.imdsRequests > 0 && outage.calls > 0],
    [
      'The new role was followed without a restart.',
      rolesOf(sets).length === 2 && workload.identities.size === 2,
    ],
  ]
}

function rolesOf(sets: readonly SetInUse[]): string[] {
  return [...new Set(sets.map(({ roleName }) => roleName))]
}

function latest(marginsMs: readonly number[]): string {
  return marginsMs.length === 0 ? '' : `, the latest ${seconds(Math.min(...marginsMs))} ahead of expiration`
}

function names(failures: readonly string[]): string {
  return failures.length === 0 ? '' : `(${[...new Set(failures)].join(', ')})`
}

function ms(durationMs: number): string {
  return `${durationMs.toFixed(0)} ms`
}
