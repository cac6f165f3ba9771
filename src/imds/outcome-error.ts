import { InstanceRoleError, type InstanceRoleErrorCode, type LoadStep } from '../errors.js'
import { tellBlocked } from './time-limit.js'
import { type Answer, MAX_BODY_BYTES, type Outcome } from './transport.js'

/** The exchange, for those who are told what became of it. */
interface Context {
  readonly endpoint: string
  readonly timeoutMs: number
  readonly step: LoadStep
  readonly request: string
}

/** What the outcome of an exchange means, where it is anything but an answer with status 200. */
export function outcomeError(outcome: Outcome, context: Context): InstanceRoleError {
  switch (outcome.kind) {
    case 'answer':
      return refusal(outcome, context)
    case 'unreachable':
      return unreachable(outcome, context)
    case 'silent':
      return silent(outcome, context)
    case 'broken':
      return broken(outcome, context)
    case 'oversized':
      return oversized(context)
  }
}

function refusal({ status, headers }: Answer, context: Context): InstanceRoleError {
  const [code, message] = meaningOf(status, context)
  const retryAfterMs = parseRetryAfterMs(headers.get('retry-after'))
  return new InstanceRoleError(code, message, { step: context.step, statusCode: status, retryAfterMs })
}

function meaningOf(status: number, { request, endpoint, step }: Context): [InstanceRoleErrorCode, string] {
  if (status === 401 && step !== 'token')
    return ['TOKEN_REJECTED', `IMDS refused the metadata token of ${request} (401).`]
  if (status === 403)
    return ['IMDS_DISABLED', `IMDS refused ${request} (403): it is disabled on this instance.`]
  if (status === 429) return ['THROTTLED', `IMDS throttled ${request} (429).`]
  if (status >= 500) return ['SERVER_ERROR', `IMDS failed to answer ${request} (${status}).`]
  return ['UNEXPECTED_STATUS', `IMDS at ${endpoint} answered ${request} with status ${status}.`]
}

/** Seconds only: IMDS has no reason to name a date. */
function parseRetryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined
}

function broken({ cause }: Outcome & { kind: 'broken' }, { request, step }: Context): InstanceRoleError {
  const message = `The connection broke before ${request} was answered in full.`
  return new InstanceRoleError('BAD_RESPONSE', message, { step, cause })
}

function oversized({ request, step }: Context): InstanceRoleError {
  return new InstanceRoleError(
    'BAD_RESPONSE',
    `The answer to ${request} is larger than ${MAX_BODY_BYTES / 1_024} KiB.`,
    { step },
  )
}

function unreachable(
  { timedOut, cause }: Outcome & { kind: 'unreachable' },
  { endpoint, timeoutMs, step }: Context,
): InstanceRoleError {
  const silence = `nothing accepted the connection within ${timeoutMs} ms`
  const why = timedOut ? silence : (cause?.message.replace(/\.$/, '') ?? 'the connection failed')
  const message = `IMDS at ${endpoint} cannot be reached: ${why}.`
  return new InstanceRoleError('UNREACHABLE', message, { step, timedOut, cause })
}

/** Where a connection was made and the PUT was not answered, the answer's IP hop limit does not reach this process. */
function silent(
  { isPartial, isConnected, blockedMs }: Outcome & { kind: 'silent' },
  context: Context,
): InstanceRoleError {
  const { endpoint, timeoutMs, step, request } = context
  const details = { step, timedOut: true }
  if (blockedMs === 0 && step === 'token' && !isPartial) {
    if (!isConnected) return unreachable({ kind: 'unreachable', timedOut: true }, context)
    const message = `IMDS at ${endpoint} accepted the connection but never answered ${request} (${timeoutMs} ms): its answer does not get this far.`
    return new InstanceRoleError('HOP_LIMIT', message, details)
  }
  const what = isPartial ? 'did not end its answer to' : 'did not answer'
  const message = `IMDS ${what} ${request} within ${timeoutMs} ms${tellBlocked(blockedMs)}.`
  return new InstanceRoleError('TIMEOUT', message, details)
}
