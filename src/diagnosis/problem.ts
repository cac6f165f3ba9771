import type { InstanceRoleError } from '../errors.js'
import type { Facts } from './facts.js'
import type { Check, Finding } from './findings.js'
import { remedyFor } from './fixes.js'

/** The finding that an error of the provider comes to. */
export function problemOf(
  check: Check,
  error: InstanceRoleError,
  facts: Facts,
  known: Finding['facts'] = {},
): Finding {
  const remedy = remedyFor(error, facts)
  return { check, verdict: 'problem', message: error.message, code: error.code, ...remedy, facts: known }
}

export function skipped(check: Check, why: string): Finding {
  return { check, verdict: 'skipped', message: why, facts: {} }
}
