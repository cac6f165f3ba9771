import type { Dispatcher } from 'undici'
import { isError, unlessAborted } from '../abort.js'
import { InstanceRoleError } from '../errors.js'
import type { Runtime } from '../runtime.js'
import type { Connections, LastConnection } from './connections.js'
import { startTimeLimit } from './time-limit.js'

/** One HTTP request to IMDS. */
export interface Exchange {
  readonly method: 'GET' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Longest wait for the whole answer, connecting included. */
  readonly timeoutMs: number
}

export interface Answer {
  readonly kind: 'answer'
  readonly status: number
  readonly headers: Pick<Headers, 'get'>
  readonly bytes: Uint8Array
}

/** What became of an exchange: an answer, or why there is none. */
export type Outcome =
  | Answer
  /** No connection was made; where it `timedOut`, nothing refused it either. */
  | { readonly kind: 'unreachable'; readonly timedOut: boolean; readonly cause?: Error }
  /** Nothing, or not all of the answer, came in time; `isConnected` where a connection is known to have been made. */
  | {
      readonly kind: 'silent'
      readonly isPartial: boolean
      readonly isConnected: boolean
      readonly blockedMs: number
    }
  /** The connection broke, or carried what is not HTTP. */
  | { readonly kind: 'broken'; readonly cause?: Error }
  | { readonly kind: 'oversized' }
  /** Nothing was sent: fetch asks no server on a port of another protocol. */
  | { readonly kind: 'blocked-port' }

/** The requests of one load: they share a deadline (`signal`) and an end. */
export interface Transport {
  /** Rejects only when the load has ended, with `CLOSED`: the load knows why, and others may wait for the same answer. */
  send(exchange: Exchange): Promise<Outcome>
  close(): void
}

export interface TransportOptions {
  readonly runtime: Runtime
  readonly timeoutMs: number
  /** Ends every exchange under way; its reason is what `send` rejects with. */
  readonly signal: AbortSignal
  /** The caller's own undici dispatcher, in place of direct connections. */
  readonly dispatcher: Dispatcher | undefined
}

/** Real answers have about 1.3 KB. */
export const MAX_BODY_BYTES: number = 64 * 1_024

/** Opens the way to IMDS for one load: a socket that is kept from one load to the next escapes request mocking. */
export function openTransport(options: TransportOptions): Transport {
  let connections: Promise<Connections> | undefined
  return {
    send: async (exchange) => {
      if (options.dispatcher !== undefined) return send(options, { dispatcher: options.dispatcher }, exchange)
      connections ??= openDirectConnections(options.timeoutMs)
      return send(options, await connections, exchange)
    },
    close: () =>
      void connections?.then(
        (opened) => opened.close(),
        // Whoever sends has been told.
        () => {},
      ),
  }
}

/** undici is loaded at the first request, not at import. */
async function openDirectConnections(timeoutMs: number): Promise<Connections> {
  const { openConnections } = await import('./connections.js')
  return openConnections(timeoutMs, MAX_BODY_BYTES)
}

type Way = Pick<Connections, 'dispatcher'> & Partial<Connections>

async function send(options: TransportOptions, way: Way, exchange: Exchange): Promise<Outcome> {
  if (isOver(options.signal)) throw ended()
  const progress: Progress = {
    gotHeaders: false,
    lastConnection: () => way.lastConnection?.() ?? 'untried',
  }
  const controller = new AbortController()
  const cancelLimit = startTimeLimit(options.runtime, exchange.timeoutMs, (blockedMs) => {
    progress.blockedMs = blockedMs
    controller.abort()
  })
  const passOn = (): void => controller.abort()
  options.signal.addEventListener('abort', passOn, { once: true })
  try {
    const received = receive(options.runtime, way.dispatcher, exchange, controller.signal, progress)
    return await unlessAborted(controller.signal, received)
  } catch (error) {
    if (isOver(options.signal)) throw ended()
    return diagnose(error, progress)
  } finally {
    cancelLimit()
    options.signal.removeEventListener('abort', passOn)
  }
}

/** Asked anew after each wait. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}

function ended(): InstanceRoleError {
  return new InstanceRoleError('CLOSED', 'The load that made this request has ended.')
}

/** How far an exchange has come. */
interface Progress {
  gotHeaders: boolean
  /** Set when its time is up. */
  blockedMs?: number
  readonly lastConnection: () => LastConnection
}

async function receive(
  runtime: Runtime,
  dispatcher: Dispatcher,
  { method, url, headers }: Exchange,
  signal: AbortSignal,
  progress: Progress,
): Promise<Outcome> {
  const response = await runtime.fetch(url, { method, headers, signal, redirect: 'manual', dispatcher })
  progress.gotHeaders = true
  const bytes = await readBody(response)
  if (bytes === undefined) return { kind: 'oversized' }
  return { kind: 'answer', status: response.status, headers: readable(response.headers), bytes }
}

/** A mocked fetch may give any record of headers, or none. */
function readable(headers: Partial<Headers> | undefined): Answer['headers'] {
  const byName = new Map(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
  const read = (name: string): unknown =>
    typeof headers?.get === 'function' ? headers.get(name) : byName.get(name)
  return {
    get: (name) => {
      const value = read(name)
      return typeof value === 'string' || typeof value === 'number' ? String(value) : null
    },
  }
}

/** `undefined` where the body is larger than the cap; the rest of it is left unread. */
async function readBody(response: Response): Promise<Uint8Array | undefined> {
  if (response.body === null) return new Uint8Array()
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    length += read.value.byteLength
    // Nor is it within the cap where a mocked body has no bytes.
    if (!(length <= MAX_BODY_BYTES)) {
      // Not awaited: of a body that was teed, as mocks do, one branch waits for the other.
      reader.cancel().catch(() => {})
      return undefined
    }
    chunks.push(read.value)
  }
  return Buffer.concat(chunks, length)
}

function diagnose(error: unknown, progress: Progress): Outcome {
  const isTimedOut = progress.blockedMs !== undefined
  const connection = progress.lastConnection()
  if (!progress.gotHeaders && connection === 'unmade') return unreachable(error, isTimedOut)
  if (progress.blockedMs !== undefined) {
    const { gotHeaders: isPartial, blockedMs } = progress
    return { kind: 'silent', isPartial, isConnected: isPartial || connection === 'made', blockedMs }
  }
  const reason = reasonOf(error)
  // Where the connections are not ours (a mocked fetch, the caller's dispatcher), only the error tells.
  if (progress.gotHeaders || connection === 'made' || isBreakage(reason))
    return { kind: 'broken', ...causeOf(reason) }
  return unreachable(error, false)
}

function unreachable(error: unknown, timedOut: boolean): Outcome {
  if (timedOut) return { kind: 'unreachable', timedOut }
  const reason = reasonOf(error)
  return reason.text === BAD_PORT
    ? { kind: 'blocked-port' }
    : { kind: 'unreachable', timedOut, ...causeOf(reason) }
}

interface Reason {
  readonly code: string | undefined
  readonly text: string | undefined
}

const BREAKAGES =
  /^(ECONNRESET|EPIPE|UND_ERR_(SOCKET|HEADERS_OVERFLOW|ABORTED|HEADERS_TIMEOUT|BODY_TIMEOUT)|HPE_.*)$/

function isBreakage({ code }: Reason): boolean {
  return code !== undefined && BREAKAGES.test(code)
}

/** @see https://fetch.spec.whatwg.org/#port-blocking */
const BAD_PORT = 'bad port'

/** fetch wraps what happened in a `TypeError: fetch failed`. */
function reasonOf(error: unknown): Reason {
  const inner = isError(error) && isError(error.cause) ? error.cause : error
  if (!isError(inner)) return { code: undefined, text: undefined }
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : undefined
  // Only the operating system's own errors are quoted: undici's parser error carries the bytes it choked on.
  const isQuoted = 'errno' in inner || inner.message === BAD_PORT
  return { code, text: isQuoted ? inner.message : code }
}

/** A new error, with no `code`: by it the SDK's retry strategy would repeat the whole request around us. */
function causeOf({ text }: Reason): { cause?: Error } {
  return text === undefined ? {} : { cause: new Error(text) }
}
