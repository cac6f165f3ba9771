import type { RecordedRequest } from '../emulated-aws/verifying-aws-endpoint.js'
import { type Call, refreshMarginsMs, type SetInUse, tally } from './accounts.js'
import { describeMargin, type Narrator } from './narrator.js'
import { type ActName, type Part, SLOW_ANSWER_MS } from './story.js'

/** What is known about an application at the end. */
export interface Evidence {
  readonly calls: readonly Call[]
  readonly identities: ReadonlySet<string>
  readonly sets: readonly SetInUse[]
  readonly awsRequests: readonly Pick<RecordedRequest, 'verdict'>[]
  readonly imdsRequests: number
  /** What it did in each act of the story. */
  readonly parts: ReadonlyMap<ActName, Part>
}

/** Prints the figures of each application and checks the claims about the first. Returns whether all claims are true. */
export function summarize(all: readonly [Evidence, ...Evidence[]], narrator: Narrator): boolean {
  const rows = all.map(figures)
  for (const subject of Object.keys(rows[0] ?? {}))
    narrator.row(
      `  ${subject}`,
      rows.map((row) => row[subject] ?? ''),
    )
  narrator.say('')
  const claims = claimsOf(all[0])
  for (const [claim, holds] of claims) narrator.say(`  ${narrator.mark(holds)} ${claim}`)
  return claims.every(([, holds]) => holds)
}

function figures({ calls, sets, imdsRequests }: Evidence): Readonly<Record<string, string>> {
  const { ok, failed, errors } = tally(calls)
  // An application's first call loads the SDK.
  const { slowestMs } = tally(calls.slice(1))
  const margins = refreshMarginsMs(sets)
  return {
    'Calls that succeeded': String(ok),
    'Calls that failed': failed === 0 ? '0' : `${failed} FAILED: ${errors.join(', ')}`,
    'Slowest call': `${slowestMs.toFixed(0)} ms`,
    'Sets of credentials': String(sets.length),
    'Latest refresh': margins.length === 0 ? 'none' : `${describeMargin(Math.min(...margins))} expiration`,
    'Requests to IMDS': String(imdsRequests),
  }
}

function claimsOf({ calls, identities, sets, awsRequests, parts }: Evidence): [string, boolean][] {
  const margins = refreshMarginsMs(sets)
  const [down, slow] = [parts.get('down'), parts.get('slow')]
  return [
    ['No call of instance-role failed.', calls.length > 0 && tally(calls).failed === 0],
    [
      'AWS found every signature of it right and every set unexpired.',
      awsRequests.length > 0 && awsRequests.every(({ verdict }) => verdict === 'accepted'),
    ],
    ['Every set was replaced ahead of its expiration.', margins.length >= 3 && Math.min(...margins) > 0],
    ['A refresh met the outage, and the calls went on.', isBusy(down) && tally(down.calls).failed === 0],
    ['No call waited for the slow IMDS.', isBusy(slow) && tally(slow.calls).slowestMs < SLOW_ANSWER_MS],
    [
      'The new role was followed without a restart.',
      new Set(sets.map(({ roleName }) => roleName)).size === 2 && identities.size === 2,
    ],
  ]
}

/** Whether there were calls and requests to IMDS. */
function isBusy(part: Part | undefined): part is Part {
  return part !== undefined && part.calls.length > 0 && part.imdsRequests > 0
}
