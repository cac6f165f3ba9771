import type { InstanceRoleErrorCode } from '../errors.js'

/** Each thing that is looked at, in the order in which a person reads about it. */
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

/** `problem`: the role cannot be used like this. `warning`: it can, and something is not as it should be. */
export type Verdict = 'ok' | 'warning' | 'problem' | 'skipped'

/** What one check came to. */
export interface Finding {
  readonly check: Check
  readonly verdict: Verdict
  /** One sentence; never a secret. */
  readonly message: string
  /** The code for this in docs/errors.md. Where the provider's own error has another one, it is the fact `thrownCode`. */
  readonly code?: InstanceRoleErrorCode
  /** What to do about it. */
  readonly hint?: string
  /** The command that shows what `fix` replaces or deletes: run it first. */
  readonly look?: string
  /** The exact command that fixes it, or that looks closer where nothing fixes it from here. */
  readonly fix?: string
  /** What the verdict rests on. */
  readonly facts: Readonly<Record<string, string | number | boolean>>
}
