import { diagnosticsChannel } from '../runtime/builtins.js'
import { HINTS, InstanceRoleError } from '../errors.js'
import type { ImdsDispatcher } from '../config/options.js'
import { codeOf, isError, memberOf } from '../runtime/member-of.js'
import type { Runtime } from '../runtime/runtime.js'
import {
  type Received,
  createTransport,
  type Exchange,
  type Progress,
  readAnswer,
  readHeaders,
  type Transport,
  type Wire,
} from './transport.js'

/** Sends requests to IMDS through the caller's undici dispatcher. */
export function dispatcherTransport(runtime: Runtime, dispatcher: ImdsDispatcher): Transport {
  const wire: Wire = (asked, progress, signal) => exchange(dispatcher, asked, progress, signal)
  return createTransport(runtime, wire, isBreakage)
}

/** Every error is a breakage, except the errors of the system and of undici about connecting. */
function isBreakage(code: string | undefined): boolean {
  if (code === undefined) return true
  // Of the codes with an underscore, only these are about connecting. `EAI_…`: the host name is unknown.
  if (/^(UND_ERR_CONNECT_TIMEOUT|ERR_ACCESS_DENIED|EAI_.*)$/.test(code)) return false
  return /^(ECONNRESET|EPIPE|.*_.*)$/.test(code)
}

async function exchange(
  dispatcher: ImdsDispatcher,
  { method, url, headers }: Exchange,
  progress: Progress,
  signal: AbortSignal,
): Promise<Received> {
  const { origin, pathname, search } = new URL(url)
  const target = { origin, method, path: pathname + search }
  const unwatch = watchConnection(target, progress)
  try {
    const answer = await dispatcher.request({
      ...target,
      // The caller's interceptors must not follow a redirect or answer from a cache.
      headers: { ...headers, 'cache-control': 'no-store' },
      maxRedirections: 0,
      signal,
    })
    progress.gotHeaders = true
    return await readAnswer(answer.statusCode, answer.headers, answer.body)
  } catch (error) {
    return answerIn(error) ?? reject(error, signal)
  } finally {
    unwatch()
  }
}

/** Interceptors that turn a status into an error put the status in that error. */
function answerIn(error: unknown): Received | undefined {
  const status = memberOf(error, 'statusCode')
  if (!isError(error) || typeof status !== 'number') return undefined
  return { kind: 'answer', status, headers: readHeaders(memberOf(error, 'headers')), bytes: new Uint8Array() }
}

const MISUSES = /^UND_(ERR_(INVALID_ARG|DESTROYED|CLOSED)|MOCK_ERR_MOCK_NOT_MATCHED)$/

/** A dispatcher that cannot send is a mistake in the program, not an outage of IMDS. */
function reject(error: unknown, signal: AbortSignal): never {
  const code = codeOf(error)
  const isMisuse = code === undefined ? isError(error) && error.name === 'TypeError' : MISUSES.test(code)
  if (!isMisuse || signal.aborted) throw error
  const why = code ?? 'TypeError'
  const message = `The option dispatcher is an undici dispatcher that cannot send (${why}).`
  throw new InstanceRoleError('BAD_CONFIG', message, { remedy: HINTS.dispatcher })
}

/** @see https://undici.nodejs.org/#/docs/api/DiagnosticsChannel */
const CONNECTING = 'undici:client:beforeConnect'
const HEADERS_SENT = 'undici:client:sendHeaders'

/** Notes how far the connection has come. undici reports that on diagnostics channels only. Returns a function that stops it. */
function watchConnection(
  { origin, path, method }: { readonly origin: string; readonly path: string; readonly method: string },
  progress: Progress,
): () => void {
  const onConnecting = (message: unknown): void => {
    const asked = memberOf(message, 'connectParams')
    const [protocol, host] = [memberOf(asked, 'protocol'), memberOf(asked, 'host')]
    if (`${String(protocol)}//${String(host)}` === origin) progress.connection = 'pending'
  }
  const onHeadersSent = (message: unknown): void => {
    const sent = memberOf(message, 'request')
    const isThere = String(memberOf(sent, 'origin')) === origin && memberOf(sent, 'path') === path
    if (isThere && memberOf(sent, 'method') === method) progress.connection = 'made'
  }
  diagnosticsChannel.subscribe(CONNECTING, onConnecting)
  diagnosticsChannel.subscribe(HEADERS_SENT, onHeadersSent)
  return () => {
    diagnosticsChannel.unsubscribe(CONNECTING, onConnecting)
    diagnosticsChannel.unsubscribe(HEADERS_SENT, onHeadersSent)
  }
}
