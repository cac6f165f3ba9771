import { type InstanceRoleError, tellingOf } from '../errors.js'
import { type Facts, namesIn } from './facts.js'
import type { Check, Finding } from './findings.js'

/** Returns the finding for an error of the provider, with the names that the doctor knows. */
export function problemOf(
  check: Check,
  error: InstanceRoleError,
  facts: Facts,
  known: Finding['facts'] = {},
): Finding {
  const { what, text, look, fix } = tellingOf(error, namesIn(facts))
  return {
    check,
    verdict: 'problem',
    message: what,
    code: error.code,
    hint: `${text}.`,
    ...(look !== undefined && { look }),
    ...(fix !== undefined && { fix }),
    facts: known,
  }
}

export function skipped(check: Check, why: string): Finding {
  return { check, verdict: 'skipped', message: why, facts: {} }
}
