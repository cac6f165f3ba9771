import { isError, unlessAborted } from '../runtime/abort.js'
import { InstanceRoleError } from '../errors.js'
import type { Runtime } from '../runtime/runtime.js'
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
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly bytes: Uint8Array
}

/** The body is larger than `MAX_BODY_BYTES`; the rest of it is left unread. */
export interface Oversized {
  readonly kind: 'oversized'
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
  | Oversized

/** The port through which IMDS is asked: an exchange in, its outcome out. */
export interface Transport {
  /**
   * Settles within the time limit of the exchange.
   *
   * @throws {InstanceRoleError} `CLOSED` when `signal` is aborted, which ends the exchange; `BAD_CONFIG` where the caller's
   * dispatcher cannot send
   */
  send(exchange: Exchange, signal: AbortSignal): Promise<Outcome>
}

/** Real answers have about 1.3 KB. */
export const MAX_BODY_BYTES: number = 64 * 1_024

/** How far an exchange has come: written by the implementation, read for the diagnosis. */
export interface Progress {
  /** `hidden` where nothing tells, as under request mocking. */
  connection: 'hidden' | 'pending' | 'made'
  gotHeaders: boolean
}

/** How one implementation exchanges a request for an answer; `createTransport` bounds it and explains its failures. */
export interface Wire {
  /** Rejects with what went wrong. When `signal` is aborted, it lets go of its connection. */
  exchange(request: Exchange, progress: Progress, signal: AbortSignal): Promise<Answer | Oversized>
  /** Whether an error with this code means a connection that broke, where the connection is hidden. */
  isBreakage(code: string | undefined): boolean
}

/** Bounds each exchange in time and tells what a failure means: the same for every implementation. */
export function createTransport(runtime: Runtime, wire: Wire): Transport {
  return {
    send: async (request, signal) => {
      if (isOver(signal)) throw ended()
      const progress: Progress = { connection: 'hidden', gotHeaders: false }
      const limit = new AbortController()
      let blockedMs: number | undefined
      const cancelLimit = startTimeLimit(runtime, request.timeoutMs, (blocked) => {
        blockedMs = blocked
        limit.abort()
      })
      const stop = (): void => limit.abort()
      signal.addEventListener('abort', stop, { once: true })
      try {
        return await unlessAborted(limit.signal, wire.exchange(request, progress, limit.signal))
      } catch (error) {
        if (isOver(signal)) throw ended()
        return blockedMs === undefined ? diagnose(error, progress, wire) : timedOut(progress, blockedMs)
      } finally {
        cancelLimit()
        signal.removeEventListener('abort', stop)
      }
    },
  }
}

/** Asked anew after each wait. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}

function ended(): InstanceRoleError {
  return new InstanceRoleError('CLOSED', 'The load that made this request has ended.')
}

function timedOut({ connection, gotHeaders }: Progress, blockedMs: number): Outcome {
  if (connection === 'pending' && !gotHeaders) return { kind: 'unreachable', timedOut: true }
  const isConnected = gotHeaders || connection === 'made'
  return { kind: 'silent', isPartial: gotHeaders, isConnected, blockedMs }
}

function diagnose(error: unknown, { connection, gotHeaders }: Progress, wire: Wire): Outcome {
  if (error instanceof InstanceRoleError) throw error
  const isBroken =
    gotHeaders || connection === 'made' || (connection === 'hidden' && wire.isBreakage(codeOf(error)))
  return isBroken
    ? { kind: 'broken', ...causeOf(error) }
    : { kind: 'unreachable', timedOut: false, ...causeOf(error) }
}

/** The `code` of an error of Node or undici. */
export function codeOf(error: unknown): string | undefined {
  return isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** A new error, with no `code`: by it the SDK's retry strategy would repeat the whole request around us. */
function causeOf(error: unknown): { cause?: Error } {
  const text = isError(error) ? textOf(error) : undefined
  if (text === undefined) return {}
  const cause = new Error(text)
  // The system's own has none, and ours says nothing.
  cause.stack = String(cause)
  return { cause }
}

/** Of the operating system's own errors, what it said; else the code: a parser error can carry the bytes that it choked on. */
function textOf(error: Error): string | undefined {
  // Of a name with several addresses.
  if ('errors' in error && Array.isArray(error.errors)) {
    const texts = error.errors.flatMap((one) => (isError(one) ? (textOf(one) ?? []) : []))
    if (texts.length > 0) return texts.join('; ')
  }
  const code = codeOf(error)
  // Before `errno`, which this error has as well on Node 26.
  if (code === 'ERR_ACCESS_DENIED') return `${code} (start node with --allow-net)`
  return 'errno' in error ? systemText(error) : code
}

/** As Node words it, from its parts: a dispatcher of the caller's can have put anything in the message. */
function systemText(error: Error): string | undefined {
  const parts = new Map<string, unknown>(Object.entries(error))
  const text = (name: string): string => {
    const part = parts.get(name)
    return typeof part === 'string' && /^[\w.:%-]+$/.test(part) ? part : ''
  }
  const port = parts.get('port')
  const where = typeof port === 'number' ? `${text('address')}:${port}` : text('address') || text('hostname')
  return [text('syscall'), text('code'), where].filter(Boolean).join(' ') || undefined
}

/** The headers of an answer by their names in lower case, where several of a name come as one text or as a list. */
export function readHeaders(fields: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const all = Object.entries(fields).filter(([, value]) => value !== undefined)
  return new Map(all.map(([name, value]) => [name.toLowerCase(), String(value)]))
}
