import { equalJitterMs } from '../refresh/backoff.js'
import { type InstanceRoleError, type LoadStep, treatmentOf } from '../errors.js'
import { isTrouble } from './outcome-error.js'

/** What has been tried within one load so far; the failure at hand included. */
export interface Tally {
  /** Tries begun. */
  attempts: number
  /** What was asked for last. */
  step: LoadStep | undefined
  lastFailure: InstanceRoleError | undefined
  /** Failures of each request since it last succeeded. */
  readonly failures: Map<LoadStep | undefined, number>
  /** Failures in a row of one request that ended with nobody answering at all. */
  unanswered: number
  /** Metadata tokens refused (401). */
  tokenRejections: number
  /** Roles that were listed, but gone when their credentials were asked for. */
  vanishedRoles: number
}

export function newTally(): Tally {
  return {
    attempts: 0,
    step: undefined,
    lastFailure: undefined,
    failures: new Map(),
    unanswered: 0,
    tokenRejections: 0,
    vanishedRoles: 0,
  }
}

export interface RetryLimits {
  /** Retries of the same request in a row. */
  readonly retries: number
  /** What is left of the time in which trouble is tried again without a count; 0 where it is counted. */
  readonly uncountedMs: number
  /** What is left of the load's deadline. */
  readonly remainingMs: number
}

/** A verdict that takes a whole `timeout` each time is asked for twice at most: off EC2 it comes after two timeouts. */
const MAX_UNANSWERED = 2
/** Rounds of listing a role and not finding its credentials, as in the AWS SDKs. */
const MAX_DISCOVERIES = 4
const BACKOFF = { baseMs: 100, capMs: 2_000 }

/** In the order in which a load takes them. */
const STEPS: readonly LoadStep[] = ['token', 'role', 'credentials', 'metadata']

/** Counts `error` in `tally`. */
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

/** How long to wait before the next try within the load, in ms; `undefined` to give up. */
export function retryDelayMs(
  error: InstanceRoleError,
  tally: Readonly<Tally>,
  limits: RetryLimits,
  random: () => number,
): number | undefined {
  if (isFree(tally, error)) return tally.vanishedRoles < MAX_DISCOVERIES ? 0 : undefined
  if (!isWorthARetry(error, tally)) return undefined
  const delayMs = Math.max(
    equalJitterMs(failuresOf(tally, error) - 1, BACKOFF, random),
    error.retryAfterMs ?? 0,
  )
  return isWithin(limits, delayMs, error, tally) ? delayMs : undefined
}

function isWorthARetry(error: InstanceRoleError, tally: Readonly<Tally>): boolean {
  const isSettled = isUnanswered(error) && tally.unanswered >= MAX_UNANSWERED
  return treatmentOf(error.code).retryable && !isSettled
}

function isWithin(
  { retries, uncountedMs, remainingMs }: RetryLimits,
  delayMs: number,
  error: InstanceRoleError,
  tally: Readonly<Tally>,
): boolean {
  const isUncounted = uncountedMs > 0 && isTrouble(error)
  return isUncounted
    ? delayMs < Math.min(uncountedMs, remainingMs)
    : failuresOf(tally, error) <= retries && delayMs < remainingMs
}

function isUnanswered(error: InstanceRoleError): boolean {
  return error.timedOut && (error.code === 'UNREACHABLE' || error.code === 'HOP_LIMIT')
}

/** The role was discovered, and is not there any more: list again. */
function isVanishedRole(error: InstanceRoleError): boolean {
  return error.code === 'NO_ROLE' && error.step === 'credentials'
}

/** What a role swap or a forgotten token cost is not charged to `retries`. */
function isFree(tally: Readonly<Tally>, error: InstanceRoleError): boolean {
  return isVanishedRole(error) || (error.code === 'TOKEN_REJECTED' && tally.tokenRejections <= 1)
}
