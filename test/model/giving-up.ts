import { SECOND } from '../setup.js'

/** A failed load, as observed from outside. */
export interface FailedLoad {
  readonly errorCode: string
  /** The step of the last request. */
  readonly step: string
  readonly durationMs: number
  /** Whether there were no credentials when it started. */
  readonly isColdStart: boolean
  /** The steps that failed, one for each try. */
  readonly failedSteps: readonly string[]
  /** The wait that the last 429 asked for. */
  readonly retryAfterMs: number
}

const DEADLINE_MS = 10 * SECOND
/** At a cold start, where IMDS has given no metadata token yet. */
const UNKNOWN_MS = 3 * SECOND
const LONGEST_DELAY_MS = 2 * SECOND
/** Consecutive tries of the same request, the first one included. */
const TRIES = 4
const TROUBLE = ['THROTTLED', 'SERVER_ERROR']
const COUNTED = [...TROUBLE, 'BAD_RESPONSE']

/** Whether a load gave up although the design requires another try. Judged only by failures in which IMDS gave no verdict. */
export function gaveUpEarly(load: FailedLoad): boolean {
  if (!COUNTED.includes(load.errorCode)) return false
  const limitMs = load.isColdStart && load.step === 'token' ? UNKNOWN_MS : DEADLINE_MS
  const isTimeUp = load.durationMs + Math.max(LONGEST_DELAY_MS, load.retryAfterMs) >= limitMs
  const isUncounted = load.isColdStart && TROUBLE.includes(load.errorCode)
  return !isTimeUp && (isUncounted || triesInARow(load.failedSteps) < TRIES)
}

/** Progress resets the retries. */
function triesInARow(failedSteps: readonly string[]): number {
  const last = failedSteps.at(-1)
  return failedSteps.length - 1 - failedSteps.findLastIndex((step) => step !== last)
}
