import {
  HINTS,
  InstanceRoleError,
  type InstanceRoleErrorCode,
  type InstanceRoleErrorDetails,
  type LoadStep,
} from '../errors.js'
import { tellBlocked } from './time-limit.js'
import { MAX_BODY_BYTES, type Outcome, type Outcomes } from './transport.js'

/** The exchange that the error is about. */
interface Context {
  readonly endpoint: string
  readonly timeoutMs: number
  readonly step: LoadStep
  readonly request: string
  /** Whether this endpoint has given a metadata token in this process. If so, it is IMDS. */
  readonly isKnown: boolean
}

type Meaning = readonly [code: InstanceRoleErrorCode, message: string, details?: InstanceRoleErrorDetails]

/** Returns the error for an outcome other than a response with status 200. */
export function outcomeError<Kind extends keyof Outcomes>(
  outcome: Outcome<Kind>,
  context: Context,
): InstanceRoleError {
  const { step, endpoint } = context
  const [code, message, details] = MEANINGS[outcome.kind](outcome, context)
  const error = new InstanceRoleError(code, message, { step, names: { endpoint }, ...details })
  if (outcome.kind === 'broken') breakages.add(error)
  return error
}

/** Errors of broken connections. They are marked here, because malformed responses have the same code. */
const breakages = new WeakSet<object>()

/** Whether the failure means that IMDS is busy or unavailable, so that another try may succeed. */
export function isTrouble(error: InstanceRoleError): boolean {
  return error.code === 'THROTTLED' || error.code === 'SERVER_ERROR' || breakages.has(error)
}

const MEANINGS: { readonly [Kind in keyof Outcomes]: (outcome: Outcome<Kind>, context: Context) => Meaning } =
  {
    answer: refusal,
    oversized: (_, { request, endpoint }) => {
      const limit = `${MAX_BODY_BYTES / 1_024} KiB`
      return ['BAD_RESPONSE', `The answer of IMDS at ${endpoint} to ${request} is larger than ${limit}.`]
    },
    unreachable,
    silent,
    broken: ({ cause }, context) => {
      const why = cause === undefined ? '' : ` (${cause.message})`
      const message = `The connection to IMDS at ${context.endpoint} broke before ${context.request} was answered in full${why}.`
      return ['BAD_RESPONSE', message, { cause, ...elsewhere(context) }]
    },
  }

function refusal({ status, headers }: Outcome<'answer'>, context: Context): Meaning {
  const [code, message] = meaningOfStatus(status, context)
  const retryAfterMs = parseRetryAfterMs(headers.get('retry-after'))
  return [code, message, { statusCode: status, retryAfterMs, ...elsewhere(context, status) }]
}

function meaningOfStatus(status: number, { request, endpoint, step }: Context): Meaning {
  const imds = `IMDS at ${endpoint}`
  if (status === 401 && step !== 'token')
    return ['TOKEN_REJECTED', `${imds} refused the metadata token of ${request} (401).`]
  if (status === 403)
    return ['IMDS_DISABLED', `${imds} refused ${request} (403): it is disabled on this instance.`]
  if (status === 429) return ['THROTTLED', `${imds} throttled ${request} (429).`]
  if (status >= 500) return ['SERVER_ERROR', `${imds} failed to answer ${request} (${status}).`]
  const message = `${imds} answered ${request} with status ${status}, which IMDS has no reason for.`
  return ['UNEXPECTED_STATUS', message]
}

/**
 * Off EC2, other clouds, captive portals and other services answer the token request in these ways. A credential chain then goes
 * on, as with AWS's provider, unless the endpoint has given a token before.
 */
function elsewhere({ step, isKnown }: Context, status?: number): { tryNextLink?: true } {
  if (step !== 'token' || isKnown) return {}
  const isOfOthers =
    status === undefined || status >= 500 || (status >= 300 && status < 400) || OF_OTHERS.includes(status)
  return isOfOthers ? { tryNextLink: true } : {}
}

const OF_OTHERS = [400, 404, 405, 429]

/** Seconds only: IMDS does not send dates. */
function parseRetryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined
}

function unreachable({ timedOut, cause }: Outcome<'unreachable'>, context: Context): Meaning {
  const { endpoint, timeoutMs } = context
  const cut = cause?.message.replace(/\.$/, '') ?? 'the connection failed'
  const why = timedOut ? `nothing accepted the connection within ${timeoutMs} ms` : cut
  const message = `IMDS at ${endpoint} cannot be reached: ${why}.`
  const remedy = FORBIDDEN.test(why) ? HINTS.noRoute : undefined
  return ['UNREACHABLE', message, { timedOut, cause, remedy }]
}

/**
 * What the kernel reports if there is no route to the address, or a route or firewall rule of this host forbids it.
 *
 * @see https://man7.org/linux/man-pages/man8/ip-route.8.html (unreachable, blackhole, prohibit)
 */
const FORBIDDEN = /\b(EACCES|EPERM|EINVAL|ENETUNREACH|EHOSTUNREACH)\b/

/** If the connection was made but the token request was not answered, the IP hop limit keeps the response from reaching this process. */
function silent({ isPartial, isConnected, blockedMs }: Outcome<'silent'>, context: Context): Meaning {
  const { endpoint, timeoutMs, step, request } = context
  if (blockedMs === 0 && step === 'token' && !isPartial) {
    if (!isConnected) return unreachable({ kind: 'unreachable', timedOut: true }, context)
    const message = `IMDS at ${endpoint} accepted the connection, but ${request} timed out after ${timeoutMs} ms: most likely this is a container, and the instance's hop limit is too low for the response to reach it.`
    return ['HOP_LIMIT', message, { timedOut: true }]
  }
  const what = isPartial ? 'did not end its answer to' : 'did not answer'
  const message = `IMDS at ${endpoint} ${what} ${request} within ${timeoutMs} ms${tellBlocked(blockedMs)}.`
  return ['TIMEOUT', message, { timedOut: true }]
}
