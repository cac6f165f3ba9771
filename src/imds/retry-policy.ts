import { equalJitterMs } from '../refresh/backoff.js'
import { type InstanceRoleError, type LoadStep, treatmentOf } from '../errors.js'
import { isTrouble } from './outcome-error.js'

/** The tries of one load so far, including the failure at hand. */
export class Tally {
  /** Tries started. */
  attempts = 0
  /** The step of the last request. */
  step: LoadStep | undefined
  lastFailure: InstanceRoleError | undefined
  /** Failures of each step since it last succeeded. */
  readonly failures: Map<LoadStep | undefined, number> = new Map()
  /** Consecutive failures of one step in which nobody answered at all. */
  unanswered = 0
  /** Metadata tokens that were refused (401). */
  tokenRejections = 0
  /** Roles that were listed but had no credentials. */
  vanishedRoles = 0
}

export interface RetryLimits {
  /** Retries of one step in a row. */
  readonly retries: number
  /** Time left in which outages are retried without counting; 0 if retries are counted. */
  readonly uncountedMs: number
  /** Time left until the load's deadline. */
  readonly remainingMs: number
}

/** An error that takes a whole `timeout` is retried once: off EC2, the load then fails after two timeouts. */
const MAX_UNANSWERED = 2
/** How often a role is listed and its credentials are missing, as in the AWS SDKs. */
const MAX_DISCOVERIES = 4
const BACKOFF = { baseMs: 100, capMs: 2_000 }

/** In the order of a load. */
const STEPS: readonly LoadStep[] = ['token', 'role', 'credentials', 'metadata']

/** Adds `error` to `tally`. */
export function count(tally: Tally, error: InstanceRoleError): void {
  const { step } = error
  if (tally.lastFailure?.step !== step) tally.unanswered = 0
  tally.lastFailure = error
  for (const succeeded of stepsBefore(step)) tally.failures.delete(succeeded)
  if (isUnanswered(error)) tally.unanswered += 1
  if (error.code === 'TOKEN_REJECTED') tally.tokenRejections += 1
  if (isVanishedRole(error)) tally.vanishedRoles += 1
  if (!isFree(tally, error)) tally.failures.set(step, failuresOf(tally, error) + 1)
}

function stepsBefore(step: LoadStep | undefined): readonly LoadStep[] {
  return step === undefined ? [] : STEPS.slice(0, STEPS.indexOf(step))
}

function failuresOf({ failures }: Readonly<Tally>, { step }: InstanceRoleError): number {
  return failures.get(step) ?? 0
}

/** Returns how long to wait before the next try of the load, in ms, or `undefined` to give up. */
export function retryDelayMs(
  error: InstanceRoleError,
  tally: Readonly<Tally>,
  limits: RetryLimits,
  random: () => number,
): number | undefined {
  if (isFree(tally, error)) return tally.vanishedRoles < MAX_DISCOVERIES ? 0 : undefined
  const isSettled = isUnanswered(error) && tally.unanswered >= MAX_UNANSWERED
  if (isSettled || !treatmentOf(error.code).retryable) return undefined
  const backoffMs = equalJitterMs(failuresOf(tally, error) - 1, BACKOFF, random)
  const delayMs = Math.max(backoffMs, error.retryAfterMs ?? 0)
  return delayMs < timeLeftMs(error, tally, limits) ? delayMs : undefined
}

/** The time left for retries of this failure; 0 if the retries are used up. */
function timeLeftMs(
  error: InstanceRoleError,
  tally: Readonly<Tally>,
  { retries, uncountedMs, remainingMs }: RetryLimits,
): number {
  if (uncountedMs > 0 && isTrouble(error)) return Math.min(uncountedMs, remainingMs)
  return failuresOf(tally, error) <= retries ? remainingMs : 0
}

function isUnanswered(error: InstanceRoleError): boolean {
  return error.timedOut && (error.code === 'UNREACHABLE' || error.code === 'HOP_LIMIT')
}

/** The listed role has no credentials any more: list again. */
function isVanishedRole(error: InstanceRoleError): boolean {
  return error.code === 'NO_ROLE' && error.step === 'credentials'
}

/** A try that failed because of a role swap or a forgotten token does not count as a retry. */
function isFree(tally: Readonly<Tally>, error: InstanceRoleError): boolean {
  return isVanishedRole(error) || (error.code === 'TOKEN_REJECTED' && tally.tokenRejections <= 1)
}
