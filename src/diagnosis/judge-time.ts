import { isNegligible } from '../imds/clock-offset.js'
import { InstanceRoleError } from '../errors.js'
import type { ImdsFacts } from './facts.js'
import type { Finding } from './findings.js'
import { skipped } from './problem.js'

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html */
const REFUSED_MS = 300_000

/**
 * IMDS gives a new set at least five minutes before the old one ends.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
const RENEWED_AHEAD_MS = 300_000

/** Finds out whether the local clock goes by that of IMDS. */
export function judgeClock({ clockOffsetMs }: ImdsFacts): Finding {
  const check = 'clock'
  if (clockOffsetMs === undefined) return skipped(check, 'No answer of IMDS told the time.')
  const off = Math.abs(clockOffsetMs)
  const facts = { aheadSeconds: -Math.round(clockOffsetMs / 1_000) }
  if (isNegligible(clockOffsetMs)) {
    return { check, verdict: 'ok', message: 'The clock of this host agrees with that of IMDS.', facts }
  }
  const isRefused = off > REFUSED_MS
  const message = `The clock of this host is ${duration(off)} ${clockOffsetMs > 0 ? 'behind' : 'ahead of'} that of IMDS`
  const consequence = isRefused ? ': AWS refuses signatures that are more than 5 min off.' : '.'
  return {
    check,
    verdict: isRefused ? 'problem' : 'warning',
    message: message + consequence,
    hint: 'Set the clock by the Amazon Time Sync Service.',
    fix: 'sudo systemctl restart chronyd && sudo chronyc makestep',
    facts,
  }
}

/** Judges the life of the credentials, by the clock of IMDS. */
export function judgeCredentials(imds: ImdsFacts): Finding {
  const { load } = imds
  if (load instanceof InstanceRoleError) return skipped('credentials', 'There are none.')
  const leftMs = load.expiresAt - timeOfImds(imds)
  const lifeMs = lifeOf(load.expiresAt, imds)
  const facts = {
    code: 'Success',
    expiration: new Date(load.expiresAt).toISOString(),
    secondsLeft: Math.round(leftMs / 1_000),
    ...(lifeMs !== undefined && { lifetimeSeconds: Math.round(lifeMs / 1_000) }),
  }
  if (isOverdue(leftMs, lifeMs)) return overdue(leftMs, load.roleName, facts)
  const life = lifeMs === undefined ? '' : ` of ${duration(lifeMs)}`
  const message = `The credentials are issued (Success) and good for another ${duration(leftMs)}${life}.`
  return { check: 'credentials', verdict: 'ok', message, facts }
}

function timeOfImds({ answeredAt, clockOffsetMs = 0 }: ImdsFacts): number {
  return answeredAt + clockOffsetMs
}

/** `iam/info` is updated with the credentials. */
function lifeOf(expiresAt: number, { instanceProfile }: ImdsFacts): number | undefined {
  return instanceProfile?.lastUpdatedAt === undefined ? undefined : expiresAt - instanceProfile.lastUpdatedAt
}

/** The short lives that emulators give are renewed later. */
function isOverdue(leftMs: number, lifeMs = 0): boolean {
  return leftMs <= 0 || (leftMs <= RENEWED_AHEAD_MS && lifeMs >= 3 * RENEWED_AHEAD_MS)
}

function overdue(leftMs: number, roleName: string, facts: Finding['facts']): Finding {
  const state = leftMs > 0 ? `end in ${duration(leftMs)}` : `ended ${duration(-leftMs)} ago`
  return {
    check: 'credentials',
    verdict: leftMs > 0 ? 'warning' : 'problem',
    message: `The credentials that IMDS gives ${state}: EC2 has not renewed them.`,
    hint: 'EC2 renews them at least 5 min before they end, unless it can no longer assume the role: look at its trust policy.',
    fix: `aws iam get-role --role-name ${roleName} --query Role.AssumeRolePolicyDocument`,
    facts,
  }
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes === 0) return `${Math.round(ms / 1_000)} s`
  const hours = Math.floor(minutes / 60)
  return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`
}
