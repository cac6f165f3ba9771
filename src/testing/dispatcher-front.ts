import { channel } from 'node:diagnostics_channel'
import type { Clock } from './clock.js'
import type { Outcome } from './faults.js'
import type { EmulatedRequest } from './imds-protocol.js'
import { firstOf, throwIfAborted } from './signals.js'
import { drippingBody, fullBodyOf, untilAborted } from './web-response.js'

/** The part of an emulated instance that its fronts use. */
export interface Answering {
  readonly clock: Clock
  /** Aborted when the instance is closed. */
  readonly closed: AbortSignal
  answer(request: EmulatedRequest): Outcome
}

/** The options of `request`, as undici names them. */
export interface DispatchedRequest {
  /** The origin of the URL. It is ignored, because every request goes to the instance. */
  readonly origin?: string | URL | undefined
  /** The path and query, from the first slash. */
  readonly path: string
  /** The HTTP method. */
  readonly method: string
  /** Header values by name. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Aborts the request. */
  readonly signal?: AbortSignal | undefined
}

/** The response of `request`. */
export interface DispatchedResponse {
  /** HTTP status. */
  readonly statusCode: number
  /** Header values by name. */
  readonly headers: Readonly<Record<string, string>>
  /** The bytes of the body. */
  readonly body: AsyncIterable<Uint8Array>
}

/** The part of an undici `Dispatcher` that providers use. */
export interface EmulatedDispatcher {
  /** Sends a request to the instance, whatever the origin. Returns a redirect instead of following it. */
  request(options: DispatchedRequest): Promise<DispatchedResponse>
}

/** Creates a dispatcher that sends requests to the instance in this process, without a socket. */
export function createDispatcher(instance: Answering): EmulatedDispatcher {
  return { request: (options) => exchange(instance, options) }
}

/** undici publishes on this channel when it has sent a request on a connection. */
const HEADERS_SENT = channel('undici:client:sendHeaders')

async function exchange(instance: Answering, options: DispatchedRequest): Promise<DispatchedResponse> {
  const { origin, path, method, headers = {}, signal } = options
  throwIfAborted(signal)
  const outcome = instance.answer({ method, path, headers })
  if (outcome.kind === 'refuse') throw networkError('connect', 'ECONNREFUSED')
  HEADERS_SENT.publish({ request: { origin, path, method } })
  const end = endOf(instance, signal)
  await untilDue(outcome, instance.clock, end)
  throwIfAborted(signal)
  if (!('reply' in outcome) || instance.closed.aborted) throw networkError('read', 'ECONNRESET')
  const { status, headers: fields } = outcome.reply
  return { statusCode: status, headers: fields, body: bodyOf(outcome, instance.clock, end) }
}

async function untilDue(outcome: Outcome, clock: Clock, end: AbortSignal): Promise<void> {
  if (outcome.kind === 'silence') await untilAborted(clock, end)
  if ('reply' in outcome && outcome.delayMs > 0) await clock.sleep(outcome.delayMs, end)
}

function endOf({ closed }: Answering, signal: AbortSignal | undefined): AbortSignal {
  return signal === undefined ? closed : firstOf([closed, signal])
}

async function* bodyOf(
  outcome: Extract<Outcome, { reply: unknown }>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const body = fullBodyOf(outcome.reply)
  if (body === null) return
  if (outcome.kind === 'drip') {
    yield* drippingBody(body, outcome.dripMs, clock, signal)
    return
  }
  const isBroken = outcome.kind === 'reset-mid-body'
  yield Buffer.from(isBroken ? body.slice(0, Math.ceil(body.length / 2)) : body)
  if (isBroken) throw networkError('read', 'ECONNRESET')
}

/** The error of Node for a failed connection. */
function networkError(syscall: string, code: 'ECONNREFUSED' | 'ECONNRESET'): Error {
  const errno = code === 'ECONNREFUSED' ? -111 : -104
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall })
}
