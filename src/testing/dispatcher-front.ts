import { channel } from 'node:diagnostics_channel'
import type { Clock } from './clock.js'
import type { Outcome } from './faults.js'
import type { EmulatedRequest } from './imds-protocol.js'
import { firstOf, throwIfAborted } from './signals.js'
import { drippingBody, fullBodyOf, untilAborted } from './web-response.js'

/** The pure core of an emulated instance, as its fronts use it. */
export interface Answering {
  readonly clock: Clock
  /** Aborted when the instance is closed. */
  readonly closed: AbortSignal
  answer(request: EmulatedRequest): Outcome
}

/** What `request` of a dispatcher is asked for, as undici spells it. */
export interface DispatchedRequest {
  /** Any origin: there is one instance. */
  readonly origin?: string | URL | undefined
  /** From the slash after the host. */
  readonly path: string
  /** As HTTP spells it. */
  readonly method: string
  /** Values by their names. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined
}

/** What `request` of a dispatcher answers with. */
export interface DispatchedResponse {
  /** HTTP status. */
  readonly statusCode: number
  /** Values by their names. */
  readonly headers: Readonly<Record<string, string>>
  /** The bytes of the body. */
  readonly body: AsyncIterable<Uint8Array>
}

/** The part of an undici `Dispatcher` that providers use. */
export interface EmulatedDispatcher {
  /** Asks the instance, whatever the origin; a redirect is the answer. */
  request(options: DispatchedRequest): Promise<DispatchedResponse>
}

/** A dispatcher that asks the instance in this process, without a socket. */
export function createDispatcher(instance: Answering): EmulatedDispatcher {
  return { request: (options) => exchange(instance, options) }
}

/** undici tells on this channel that a request went out on a connection. */
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

/** As Node tells of a connection that fails. */
function networkError(syscall: string, code: 'ECONNREFUSED' | 'ECONNRESET'): Error {
  const errno = code === 'ECONNREFUSED' ? -111 : -104
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall })
}
