import { InstanceRoleError } from '../errors.js'
import type { Facts, ImdsFacts, Surroundings } from './facts.js'
import type { Check, Finding } from './findings.js'
import { COUNT_THROTTLED, fill, isProfileAttached, namesIn } from './fixes.js'
import { judgeClock, judgeCredentials } from './judge-time.js'
import { problemOf, skipped } from './problem.js'

/** Findings on the way to IMDS and on what it gives. */
export function judgeImds(facts: Facts): readonly Finding[] {
  const { imds } = facts
  if (imds === undefined) return []
  const stages = Object.entries(STAGES).map(([, judgeStage]) => judgeStage(imds, facts))
  return [
    ...stopAtFailure(stages, imds, facts),
    judgeV1(imds, facts),
    judgeClock(imds),
    judgeRegion(imds),
    judgeOtherAddress(imds),
  ]
}

/** The steps to credentials: each needs the one before. */
const STAGES = {
  reach: judgeReach,
  'hop-limit': judgeHopLimit,
  token: judgeToken,
  'instance-profile': judgeProfile,
  role: judgeRole,
  credentials: judgeCredentials,
} as const satisfies Partial<Record<Check, (imds: ImdsFacts, facts: Facts) => Finding>>

/** What comes before the failure holds, and what comes after it was not got to. */
function stopAtFailure(stages: readonly Finding[], imds: ImdsFacts, facts: Facts): readonly Finding[] {
  const { load } = imds
  if (!(load instanceof InstanceRoleError)) return stages
  const failed = failedCheck(load, imds)
  const at = stages.findIndex(({ check }) => check === failed)
  return stages.map((stage, index) => {
    if (index < at) return stage
    if (index > at) return skipped(stage.check, `Not got to: see ${failed}.`)
    return problemOf(failed, explained(load, imds, facts), facts, { attempts: load.attempts, ...stage.facts })
  })
}

const FAILED_CHECKS: Readonly<Partial<Record<InstanceRoleError['code'], keyof typeof STAGES>>> = {
  UNREACHABLE: 'reach',
  BAD_CONFIG: 'reach',
  HOP_LIMIT: 'hop-limit',
  ROLE_NOT_FOUND: 'role',
}

function failedCheck({ code, step }: InstanceRoleError, imds: ImdsFacts): keyof typeof STAGES {
  if (code === 'NO_ROLE') return isProfileAttached(imds) ? 'role' : 'instance-profile'
  const atStep = step === 'role' || step === 'credentials' ? step : 'token'
  return FAILED_CHECKS[code] ?? atStep
}

/** The error, with what only the doctor knows. */
function explained(error: InstanceRoleError, imds: ImdsFacts, { surroundings }: Facts): InstanceRoleError {
  const message = explanations[error.code]?.(imds, error, surroundings)
  return message === undefined ? error : new InstanceRoleError(error.code, message, error)
}

const explanations: Readonly<
  Partial<
    Record<
      InstanceRoleError['code'],
      (imds: ImdsFacts, error: InstanceRoleError, surroundings: Surroundings) => string | undefined
    >
  >
> = {
  NO_ROLE: (imds, { message, step }) => {
    const isEmpty = imds.instanceProfile !== undefined && step === 'role'
    const said = isEmpty ? `The instance profile ${imds.instanceProfile.name} holds no role.` : message
    return said.replace(/\.$/, `${soonAfterLaunch(imds)}.`)
  },
  UNREACHABLE: (_imds, { message }, { firmwareInstanceId: id }) =>
    id === undefined ? undefined : message.replace(/\.$/, `, although this is the EC2 instance ${id}.`),
  HOP_LIMIT: ({ v1 }, { message }) =>
    v1 === 'unknown'
      ? undefined
      : message.replace(': its answer', ', although it answers others: that answer'),
}

/** A role can appear some time after the instance has booted. */
const BOOT_MS = 600_000

function soonAfterLaunch({ launchedAt, answeredAt }: ImdsFacts): string {
  if (launchedAt === undefined || answeredAt - launchedAt > BOOT_MS) return ''
  const seconds = Math.max(0, Math.round((answeredAt - launchedAt) / 1_000))
  return `; but the instance was launched only ${seconds} s ago, and a role can take minutes to appear (option waitForRole)`
}

function judgeReach({ endpoint, requests, load }: ImdsFacts): Finding {
  const check = 'reach'
  const failed = requests.filter(({ status }) => status === undefined || status === 429 || status >= 500)
  const facts = { endpoint, requests: requests.length, failedRequests: failed.length }
  if (failed.length === 0 || load instanceof InstanceRoleError) {
    return { check, verdict: 'ok', message: `IMDS at ${endpoint} accepts connections.`, facts }
  }
  return {
    check,
    verdict: 'warning',
    message: `IMDS at ${endpoint} gave credentials, but ${failed.length} of ${requests.length} requests failed before.`,
    hint: 'Retries hide it; run the doctor again to see whether it lasts, and look for what else asks IMDS.',
    fix: COUNT_THROTTLED,
    facts,
  }
}

function tokenAnswer({ requests }: ImdsFacts): { tookMs: number; status?: number } | undefined {
  return requests.find(({ method, status }) => method === 'PUT' && status !== undefined)
}

function judgeHopLimit(imds: ImdsFacts): Finding {
  const check = 'hop-limit'
  const answersWithoutToken = imds.v1 !== 'unknown'
  if (tokenAnswer(imds) === undefined) {
    return { ...skipped(check, 'No answer to the token request was seen.'), facts: { answersWithoutToken } }
  }
  const message = 'The answer to the token request gets this far.'
  return { check, verdict: 'ok', message, facts: { answersWithoutToken } }
}

function judgeToken(imds: ImdsFacts): Finding {
  const tookMs = tokenAnswer(imds)?.tookMs
  const facts: Finding['facts'] = tookMs === undefined ? {} : { tookMs }
  const within = tookMs === undefined ? '' : `, within ${tookMs} ms`
  return { check: 'token', verdict: 'ok', message: `IMDSv2 gives a metadata token${within}.`, facts }
}

function judgeV1({ v1 }: ImdsFacts, facts: Facts): Finding {
  const check = 'imdsv1'
  if (v1 === 'unknown') return skipped(check, 'Whether IMDSv1 is open could not be told.')
  const open = v1 === 'open'
  if (!open) {
    return {
      check,
      verdict: 'ok',
      message: 'IMDSv1 is closed: every request needs a metadata token.',
      facts: { open },
    }
  }
  return {
    check,
    verdict: 'warning',
    message: 'IMDSv1 is still open: credentials can be read without a metadata token.',
    hint: 'Require IMDSv2 once nothing on the instance uses IMDSv1 (metric MetadataNoToken).',
    fix: fill(
      'aws ec2 modify-instance-metadata-options --instance-id <instance-id> --http-tokens required',
      namesIn(facts),
    ),
    facts: { open },
  }
}

function judgeProfile({ instanceProfile }: ImdsFacts, facts: Facts): Finding {
  const check = 'instance-profile'
  if (instanceProfile === undefined) return skipped(check, 'IMDS does not tell of an instance profile.')
  const { name, code = 'Success' } = instanceProfile
  const known = { name, code }
  if (code === 'Success') {
    return { check, verdict: 'ok', message: `The instance profile ${name} is attached.`, facts: known }
  }
  return {
    check,
    verdict: 'warning',
    message: `The instance profile ${name} is attached, and EC2 says of it: ${code}.`,
    hint: 'Look at the association; attach a profile that exists in its place.',
    fix: fill(
      'aws ec2 describe-iam-instance-profile-associations --filters Name=instance-id,Values=<instance-id>',
      namesIn(facts),
    ),
    facts: known,
  }
}

function judgeRole({ load, instanceProfile, listedRole = '' }: ImdsFacts): Finding {
  const name = load instanceof InstanceRoleError ? listedRole : load.roleName
  const other =
    instanceProfile !== undefined && instanceProfile.name !== name
      ? ' (its name is not that of the profile)'
      : ''
  return { check: 'role', verdict: 'ok', message: `The role is ${name}${other}.`, facts: { name } }
}

function judgeRegion({ region }: ImdsFacts): Finding {
  if (region === undefined) return skipped('region', 'IMDS does not tell the region.')
  return { check: 'region', verdict: 'ok', message: `The instance is in ${region}.`, facts: { name: region } }
}

function judgeOtherAddress({ endpoint, otherAddress, load }: ImdsFacts): Finding {
  const check = 'ipv6'
  if (otherAddress === undefined) {
    return skipped(check, `Only tried where one of the two addresses of IMDS is in use, and not ${endpoint}.`)
  }
  const { answers, endpoint: other } = otherAddress
  const facts = { endpoint: other, answers }
  const isNeeded = answers && load instanceof InstanceRoleError
  const message = `IMDS ${answers ? 'answers' : 'does not answer'} at its other address, ${other}, as well.`
  if (!isNeeded)
    return { check, verdict: 'ok', message: answers ? message : message.replace(', as well', ''), facts }
  return { check, verdict: 'warning', message: `IMDS answers at its other address, ${other}.`, facts }
}
