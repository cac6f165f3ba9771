import type { InstanceRoleErrorCode } from '../errors.js'

/** All checks, in the order in which a person reads about them. */
export const CHECKS = [
  'settings',
  'enabled',
  'static-keys',
  'other-sources',
  'default-chain',
  'proxy',
  'reach',
  'hop-limit',
  'token',
  'imdsv1',
  'instance-profile',
  'role',
  'credentials',
  'clock',
  'region',
  'ipv6',
  'event-loop',
] as const

export type Check = (typeof CHECKS)[number]

/** `problem`: the role cannot be used. `warning`: it can be used, but something is wrong. */
export type Verdict = 'ok' | 'warning' | 'problem' | 'skipped'

/** The result of one check. */
export interface Finding {
  readonly check: Check
  readonly verdict: Verdict
  /** One sentence; never a secret. */
  readonly message: string
  /** The code in docs/errors.md. If the provider's own error has another code, that is the fact `thrownCode`. */
  readonly code?: InstanceRoleErrorCode
  /** What to do about it. */
  readonly hint?: string
  /** The command that shows what `fix` replaces or deletes: run it first. */
  readonly look?: string
  /** The exact command that fixes the problem, or shows more about it. */
  readonly fix?: string
  /** The facts behind the verdict. */
  readonly facts: Readonly<Record<string, string | number | boolean>>
}

/** What to do: a hint, and the exact commands if there are any. */
export type Remedy = Pick<Finding, 'hint' | 'look' | 'fix'>
