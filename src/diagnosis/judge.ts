import { disabledBy } from '../config/config.js'
import { InstanceRoleError } from '../errors.js'
import type { Facts } from './facts.js'
import { CHECKS, type Finding } from './findings.js'
import { judgeDefaultChain } from './judge-default-chain.js'
import { judgeImds } from './judge-imds.js'
import { judgeSurroundings } from './judge-surroundings.js'
import { problemOf, skipped } from './problem.js'

/** Judges the facts: one finding per check, in their order. */
export function judge(facts: Facts): readonly Finding[] {
  const found = [
    judgeSettings(facts),
    judgeEnabled(facts),
    ...judgeSurroundings(facts),
    judgeDefaultChain(facts.defaultChain),
    ...judgeImds(facts),
    judgeEventLoop(facts.blockedMs),
  ]
  const byCheck = new Map(found.map((finding) => [finding.check, finding]))
  return CHECKS.map((check) => byCheck.get(check) ?? skipped(check, 'IMDS was not asked.'))
}

/** Whether the role can be used. Warnings do not count. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict !== 'problem')
}

function judgeSettings(facts: Facts): Finding {
  const { settings, surroundings } = facts
  const known = { profile: surroundings.profile }
  if (settings instanceof InstanceRoleError) return problemOf('settings', settings, facts, known)
  if (surroundings.fileWarnings.length > 0) return warnOfFiles(surroundings.fileWarnings, known)
  const message = `The settings are valid; the profile is ${surroundings.profile}.`
  return { check: 'settings', verdict: 'ok', message, facts: known }
}

/** The role can be used, but not with all the settings that somebody intended. */
function warnOfFiles(warnings: readonly string[], known: Finding['facts']): Finding {
  return {
    check: 'settings',
    verdict: 'warning',
    message: warnings.join(' '),
    hint: 'Correct the file, or AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE where it names the wrong one.',
    facts: known,
  }
}

function judgeEnabled(facts: Facts): Finding {
  const { settings } = facts
  if (settings instanceof InstanceRoleError) return skipped('enabled', 'The settings are malformed.')
  const { value, origin } = settings.disabled
  const known = { disabled: value, origin }
  if (!value)
    return { check: 'enabled', verdict: 'ok', message: 'The use of IMDS is not disabled.', facts: known }
  return problemOf('enabled', disabledBy(origin), facts, known)
}

/** The default time limit. What blocks this process for so long probably blocks others on this machine as well. */
const MUCH_BLOCKED_MS = 1_000

function judgeEventLoop(blockedMs: number): Finding {
  const known = { blockedMs }
  if (blockedMs < MUCH_BLOCKED_MS) {
    const message = 'The event loop of this process was not blocked.'
    return { check: 'event-loop', verdict: 'ok', message, facts: known }
  }
  return {
    check: 'event-loop',
    verdict: 'warning',
    message: `The event loop of this process was blocked for ${blockedMs} ms: a time limit can pass while an answer waits to be read.`,
    hint: 'Look for what else uses the CPU of this machine.',
    fix: 'top -b -n 1 | head -n 15',
    facts: known,
  }
}
