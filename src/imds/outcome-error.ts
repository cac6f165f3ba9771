import { InstanceRoleError, type InstanceRoleErrorCode, type LoadStep } from '../errors.js'
import { tellBlocked } from './time-limit.js'
import { type Answer, MAX_BODY_BYTES, type Outcome } from './transport.js'

/** The exchange, for those who are told what became of it. */
interface Context {
  readonly endpoint: string
  readonly timeoutMs: number
  readonly step: LoadStep
  readonly request: string
  /** Whether this endpoint has given a metadata token in this process: then it is IMDS. */
  readonly isKnown: boolean
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
  const details = { step: context.step, statusCode: status, retryAfterMs, ...elsewhere(context, status) }
  return new InstanceRoleError(code, message, details)
}

/**
 * Off EC2, other clouds, portals and services answer the token request in these ways: a credential chain goes on then, as it does with
 * AWS's provider, unless the endpoint has given a token before.
 */
function elsewhere({ step, isKnown }: Context, status?: number): { tryNextLink?: true } {
  if (step !== 'token' || isKnown) return {}
  const isOfOthers =
    status === undefined || status >= 500 || (status >= 300 && status < 400) || OF_OTHERS.includes(status)
  return isOfOthers ? { tryNextLink: true } : {}
}

const OF_OTHERS = [400, 404, 405, 429]

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

function broken({ cause }: Outcome & { kind: 'broken' }, context: Context): InstanceRoleError {
  const { request, step } = context
  const message = `The connection broke before ${request} was answered in full.`
  const error = new InstanceRoleError('BAD_RESPONSE', message, { step, cause, ...elsewhere(context) })
  breakages.add(error)
  return error
}

/** Marked here, because answers that cannot be read have the same code. */
const breakages = new WeakSet<object>()

/** Whether the failure says that IMDS is busy or in trouble: another try can find it well. */
export function isTrouble(error: InstanceRoleError): boolean {
  return error.code === 'THROTTLED' || error.code === 'SERVER_ERROR' || breakages.has(error)
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
  const cut = cause?.message.replace(/\.$/, '') ?? 'the connection failed'
  const why = timedOut ? silence : explain(cut, endpoint)
  const message = `IMDS at ${endpoint} cannot be reached: ${why}.`
  return new InstanceRoleError('UNREACHABLE', message, { step, timedOut, cause })
}

/** What the kernel says where no route leads there, or a route or a firewall rule of this host forbids it: systemd-imdsd adds such a route. */
const FORBIDDEN = /\b(EACCES|EPERM|EINVAL|ENETUNREACH|EHOSTUNREACH)\b/

function explain(why: string, endpoint: string): string {
  if (!FORBIDDEN.test(why)) return why
  const address = new URL(endpoint).hostname.replace(/^\[|\]$/g, '')
  return `${why}; this host has no route to it, or a route (systemd-imdsd?) or a firewall rule forbids it (ip route get ${address})`
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
