import { isNegligible } from '../imds/clock-offset.js'
import { fill, InstanceRoleError, SHOW_TRUST_POLICY } from '../errors.js'
import { toIso } from '../runtime/iso.js'
import type { ImdsFacts } from './facts.js'
import type { Finding } from './findings.js'
import { skipped } from './problem.js'

/** A clock that a time service sets is never this far off. */
const UNSET_MS = 30_000

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html */
const REFUSED_MS = 300_000

/**
 * IMDS publishes new credentials at least five minutes before the old ones expire.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
const RENEWED_AHEAD_MS = 300_000

/** Judges whether the local clock agrees with that of IMDS. */
export function judgeClock({ clockOffsetMs, load }: ImdsFacts): Finding {
  const check = 'clock'
  if (clockOffsetMs === undefined) {
    const isFailed = load instanceof InstanceRoleError
    return skipped(check, isFailed ? 'Not reached: IMDS gave no credentials.' : 'IMDS sent no Date header.')
  }
  const facts = { aheadSeconds: -Math.round(clockOffsetMs / 1_000) }
  const off = Math.abs(clockOffsetMs)
  if (isNegligible(clockOffsetMs)) {
    return { check, verdict: 'ok', message: 'The clock of this host agrees with that of IMDS.', facts }
  }
  const message = `The clock of this host is ${duration(off)} ${clockOffsetMs > 0 ? 'behind' : 'ahead of'} that of IMDS`
  if (off < UNSET_MS) return { check, verdict: 'ok', message: `${message}.`, facts }
  const refused =
    '. AWS refuses signatures that are more than 5 min off; the SDK for JavaScript corrects its clock after the first refusal, other tools may fail'
  return {
    check,
    verdict: 'warning',
    message: `${message}${off > REFUSED_MS ? refused : ''}.`,
    hint: 'Set the clock by the Amazon Time Sync Service.',
    fix: 'sudo systemctl restart chronyd && sudo chronyc makestep',
    facts,
  }
}

/** Judges the remaining life of the credentials, by the clock of IMDS. */
export function judgeCredentials(imds: ImdsFacts): Finding {
  const { load } = imds
  if (load instanceof InstanceRoleError) return skipped('credentials', 'IMDS gave none.')
  const leftMs = load.expiresAt - timeOfImds(imds)
  const lifeMs = lifeOf(load.expiresAt, imds)
  const facts = {
    code: 'Success',
    expiration: toIso(load.expiresAt),
    secondsLeft: Math.round(leftMs / 1_000),
    ...(lifeMs !== undefined && { lifetimeSeconds: Math.round(lifeMs / 1_000) }),
  }
  if (isOverdue(leftMs, lifeMs)) return overdue(leftMs, load.roleName, facts)
  const life = lifeMs === undefined ? '' : ` of ${duration(lifeMs)}`
  const message = `The credentials are issued (Success) and valid for another ${duration(leftMs)}${life}.`
  return { check: 'credentials', verdict: 'ok', message, facts }
}

function timeOfImds({ answeredAt, clockOffsetMs = 0 }: ImdsFacts): number {
  return answeredAt + clockOffsetMs
}

/** `iam/info` is updated with the credentials. */
function lifeOf(expiresAt: number, { instanceProfile }: ImdsFacts): number | undefined {
  return instanceProfile?.lastUpdatedAt === undefined ? undefined : expiresAt - instanceProfile.lastUpdatedAt
}

/** Emulators issue credentials with short lives, which are renewed later. */
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
    fix: fill(SHOW_TRUST_POLICY, { roleName }),
    facts,
  }
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes === 0) return `${Math.round(ms / 1_000)} s`
  const hours = Math.floor(minutes / 60)
  return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`
}
