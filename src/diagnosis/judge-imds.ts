import { IPV6_ENDPOINT } from '../config/config.js'
import {
  COUNT_DROPPED,
  type ErrorChanges,
  copyOf,
  fill,
  HINTS,
  InstanceRoleError,
  TREATMENTS,
} from '../errors.js'
import { type Facts, type ImdsFacts, isProfileAttached, namesIn, type Surroundings } from './facts.js'
import type { Check, Finding } from './findings.js'
import { judgeClock, judgeCredentials } from './judge-time.js'
import { mistaken } from './mistaken-code.js'
import { problemOf, skipped } from './problem.js'

/** The findings about the way to IMDS and about its responses. */
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

/** The steps to credentials. Each step needs the one before. */
const STAGES = {
  reach: judgeReach,
  'hop-limit': judgeHopLimit,
  token: judgeToken,
  'instance-profile': judgeProfile,
  role: judgeRole,
  credentials: judgeCredentials,
} as const satisfies Partial<Record<Check, (imds: ImdsFacts, facts: Facts) => Finding>>

/** The steps before the failure are ok. The steps after it are skipped. */
function stopAtFailure(stages: readonly Finding[], imds: ImdsFacts, facts: Facts): readonly Finding[] {
  const { load } = imds
  if (!(load instanceof InstanceRoleError)) return stages
  const failed = failedCheck(load, imds)
  const at = stages.findIndex(({ check }) => check === failed)
  return stages.map((stage, index) => {
    if (index < at) return stage
    if (index > at) return skipped(stage.check, `Not reached: ${failed} failed first.`)
    return failure(failed, load, facts, imds, stage.facts)
  })
}

/** The error, with what only the doctor knows. */
function failure(
  check: keyof typeof STAGES,
  load: InstanceRoleError,
  facts: Facts,
  imds: ImdsFacts,
  stageFacts: Finding['facts'],
): Finding {
  const known = { attempts: load.attempts, ...stageFacts }
  const other = mistaken(load, imds)
  if (other === undefined) return problemOf(check, explained(load, imds, facts), facts, known)
  const { code, message, ...remedy } = other
  const thrown = ` The program gets the code ${load.code}, because it asks with a token only.`
  return {
    check,
    verdict: 'problem',
    message: message + thrown,
    code,
    ...remedy,
    facts: { ...known, thrownCode: load.code },
  }
}

const FAILED_CHECKS: Readonly<Partial<Record<InstanceRoleError['code'], keyof typeof STAGES>>> = {
  UNREACHABLE: 'reach',
  BAD_CONFIG: 'reach',
  HOP_LIMIT: 'hop-limit',
  ROLE_NOT_FOUND: 'role',
}

function failedCheck({ code, step }: InstanceRoleError, imds: ImdsFacts): keyof typeof STAGES {
  if (code === 'HOP_LIMIT' && !imds.answersWithoutToken) return 'reach'
  if (code === 'NO_ROLE') return isProfileAttached(imds) ? 'role' : 'instance-profile'
  const atStep = step === 'role' || step === 'credentials' ? step : 'token'
  return FAILED_CHECKS[code] ?? atStep
}

/** The same code, in words that include what only the doctor knows. */
function explained(error: InstanceRoleError, imds: ImdsFacts, { surroundings }: Facts): InstanceRoleError {
  return copyOf(error, EXPLANATIONS[error.code]?.(imds, surroundings, error))
}

const EXPLANATIONS: Readonly<
  Partial<
    Record<
      InstanceRoleError['code'],
      (imds: ImdsFacts, surroundings: Surroundings, error: InstanceRoleError) => ErrorChanges
    >
  >
> = {
  NO_ROLE: (imds, { firmwareInstanceId }, { step }) => {
    const isAttached = isProfileAttached(imds)
    const remedy = isAttached ? HINTS.emptyProfile : TREATMENTS.NO_ROLE
    if (step === 'credentials') return { remedy }
    const what = isAttached
      ? `The instance profile ${imds.instanceProfile?.name ?? 'that is attached'} holds no role`
      : `No instance profile is attached to ${imds.instanceId ?? firmwareInstanceId ?? 'this instance'}`
    return { what: () => `${what}${soonAfterLaunch(imds)}.`, remedy }
  },
  UNREACHABLE: ({ otherAddress }, { firmwareInstanceId: id }) => ({
    what: (own) => (id === undefined ? own : `${own} This is the EC2 instance ${id}, all the same.`),
    remedy: otherAddress?.answers === true ? hintOf(otherAddress.endpoint) : undefined,
  }),
  HOP_LIMIT: ({ endpoint, timeoutMs }) => ({
    what: () =>
      `IMDS at ${endpoint} answers requests without a token, but the response to the token request did not reach this process within ${timeoutMs} ms: the hop limit is too low.`,
  }),
}

function hintOf(endpoint: string): ErrorChanges['remedy'] {
  return endpoint === IPV6_ENDPOINT ? HINTS.ipv6 : HINTS.ipv4
}

/** A role can appear some time after the instance has booted. */
const BOOT_MS = 600_000

function soonAfterLaunch({ launchedAt, answeredAt }: ImdsFacts): string {
  if (launchedAt === undefined || answeredAt - launchedAt > BOOT_MS) return ''
  const seconds = Math.max(0, Math.round((answeredAt - launchedAt) / 1_000))
  return `; the instance was launched only ${seconds} s ago, and a role can take minutes to appear (option waitForRole)`
}

function judgeReach(imds: ImdsFacts): Finding {
  const check = 'reach'
  const { endpoint, requests, load } = imds
  const failed = requests.filter(({ status }) => status === undefined || status === 429 || status >= 500)
  const slowestMs = Math.max(
    0,
    ...requests.filter((one) => one.status !== undefined).map((one) => one.tookMs),
  )
  const facts = { endpoint, requests: requests.length, failedRequests: failed.length, slowestMs }
  if (load instanceof InstanceRoleError) {
    return { check, verdict: 'ok', message: `IMDS at ${endpoint} accepts connections.`, facts }
  }
  if (failed.length > 0) {
    return {
      check,
      verdict: 'warning',
      message: `IMDS at ${endpoint} gave credentials, but only after ${failed.length} of ${requests.length} requests had failed.`,
      hint: 'Retries hide this. Run the doctor again to see whether it lasts, and look for what else asks IMDS.',
      fix: COUNT_DROPPED,
      facts,
    }
  }
  if (slowestMs >= slowFromMs(imds)) return slow(imds, slowestMs, facts)
  return { check, verdict: 'ok', message: `IMDS at ${endpoint} accepts connections.`, facts }
}

/** A healthy IMDS answers within milliseconds. Half of the default time limit leaves little room. */
const SLOW_MS = 500

function slowFromMs({ timeoutMs }: ImdsFacts): number {
  return Math.min(SLOW_MS, timeoutMs / 2)
}

function slow({ endpoint, timeoutMs }: ImdsFacts, slowestMs: number, facts: Finding['facts']): Finding {
  return {
    check: 'reach',
    verdict: 'warning',
    message: `IMDS at ${endpoint} answers slowly: the slowest answer took ${slowestMs} ms, and the time limit is ${timeoutMs} ms.`,
    hint: 'Look for load on this machine and for what else asks IMDS. If IMDS stays slow, raise the time limit.',
    fix: `export AWS_METADATA_SERVICE_TIMEOUT=${Math.max(5, Math.ceil((4 * slowestMs) / 1_000))}`,
    facts,
  }
}

function tokenAnswer({ requests }: ImdsFacts): { tookMs: number; status?: number } | undefined {
  return requests.find(({ method, status }) => method === 'PUT' && status !== undefined)
}

function judgeHopLimit(imds: ImdsFacts): Finding {
  const check = 'hop-limit'
  const { answersWithoutToken } = imds
  if (tokenAnswer(imds) === undefined) {
    return { ...skipped(check, 'No response to the token request was seen.'), facts: { answersWithoutToken } }
  }
  const message = 'The response to the token request reaches this process.'
  return { check, verdict: 'ok', message, facts: { answersWithoutToken } }
}

function judgeToken(imds: ImdsFacts): Finding {
  const tookMs = tokenAnswer(imds)?.tookMs
  const facts: Finding['facts'] = tookMs === undefined ? {} : { tookMs }
  const within = tookMs === undefined ? '' : ` in ${tookMs} ms`
  return { check: 'token', verdict: 'ok', message: `IMDSv2 gives a metadata token${within}.`, facts }
}

function judgeV1({ v1 }: ImdsFacts, facts: Facts): Finding {
  const check = 'imdsv1'
  if (v1 === 'unknown') return skipped(check, 'Whether IMDSv1 is open could not be determined.')
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
    hint: 'Require IMDSv2, but first see that nothing on the instance uses IMDSv1: the CloudWatch metric MetadataNoToken counts that.',
    fix: fill(
      'aws ec2 modify-instance-metadata-options --instance-id <instance-id> --http-tokens required',
      namesIn(facts),
    ),
    facts: { open },
  }
}

function judgeProfile({ instanceProfile }: ImdsFacts, facts: Facts): Finding {
  const check = 'instance-profile'
  if (instanceProfile === undefined) return skipped(check, 'IMDS names no instance profile.')
  const { name, code = 'Success' } = instanceProfile
  const known = { name, code }
  if (code === 'Success') {
    return { check, verdict: 'ok', message: `The instance profile ${name} is attached.`, facts: known }
  }
  return {
    check,
    verdict: 'warning',
    message: `The instance profile ${name} is attached, and IMDS reports its status as ${code}.`,
    hint: 'Look at the association, and attach an instance profile that exists.',
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
      ? ' (the instance profile has another name)'
      : ''
  return { check: 'role', verdict: 'ok', message: `The role is ${name}${other}.`, facts: { name } }
}

function judgeRegion({ region }: ImdsFacts): Finding {
  if (region === undefined) return skipped('region', 'The region could not be determined.')
  return { check: 'region', verdict: 'ok', message: `The instance is in ${region}.`, facts: { name: region } }
}

function judgeOtherAddress({ endpoint, otherAddress, load }: ImdsFacts): Finding {
  const check = 'ipv6'
  if (otherAddress === undefined) {
    return skipped(
      check,
      `The other address of IMDS is tried only where IMDS has its usual address, not at ${endpoint}.`,
    )
  }
  const { answers, endpoint: other } = otherAddress
  const facts = { endpoint: other, answers }
  const isNeeded = answers && load instanceof InstanceRoleError
  const message = `IMDS ${answers ? 'answers' : 'does not answer'} at its other address, ${other}, as well.`
  if (!isNeeded)
    return { check, verdict: 'ok', message: answers ? message : message.replace(', as well', ''), facts }
  return { check, verdict: 'warning', message: `IMDS answers at its other address, ${other}.`, facts }
}
