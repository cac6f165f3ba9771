import { unlessAborted } from '../runtime/abort.js'
import { buffer } from '../runtime/builtins.js'
import { codeOf, isError } from '../runtime/member-of.js'
import { InstanceRoleError } from '../errors.js'
import type { Runtime } from '../runtime/runtime.js'
import { startTimeLimit } from './time-limit.js'

/** One HTTP request to IMDS. */
export interface Exchange {
  readonly method: 'GET' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Longest wait for the complete response, connecting included. */
  readonly timeoutMs: number
}

/** The results of exchanges: a response, or why there is none. */
export interface Outcomes {
  /** `headers` has the values by lower-case name. */
  answer: { status: number; headers: ReadonlyMap<string, string>; bytes: Uint8Array }
  /** The body is larger than `MAX_BODY_BYTES`. The rest is not read. */
  oversized: object
  /** No connection was made. `timedOut` means that nothing refused it either. */
  unreachable: { timedOut: boolean; cause?: Error }
  /** No complete response came in time. `isConnected` means that the connection is known to have been made. */
  silent: { isPartial: boolean; isConnected: boolean; blockedMs: number }
  /** The connection broke, or the response was not HTTP. */
  broken: { cause?: Error }
}

/** One of the results. */
export type Outcome<Kind extends keyof Outcomes = keyof Outcomes> = {
  [Each in Kind]: { readonly kind: Each } & Readonly<Outcomes[Each]>
}[Kind]

/** A response, as far as it was read. */
export type Received = Outcome<'answer' | 'oversized'>

/**
 * Sends an exchange to IMDS and returns its outcome. Settles within the time limit of the exchange.
 *
 * @throws {InstanceRoleError} `CLOSED` if `signal` is aborted, which ends the exchange; `BAD_CONFIG` if the caller's dispatcher
 * cannot send
 */
export type Transport = (exchange: Exchange, signal: AbortSignal) => Promise<Outcome>

/** Real responses have about 1.3 KB. */
export const MAX_BODY_BYTES: number = 64 * 1_024

/** How far an exchange has come. The implementation writes it, the diagnosis reads it. */
export interface Progress {
  /** `hidden` if nothing reports it, as under request mocking. */
  connection: 'hidden' | 'pending' | 'made'
  gotHeaders: boolean
}

/** Makes one exchange. Rejects with the error of the failure. When `signal` is aborted, it closes its connection. */
export type Wire = (request: Exchange, progress: Progress, signal: AbortSignal) => Promise<Received>

/** Whether an error with this code means a broken connection, if the connection is hidden. */
export type IsBreakage = (code: string | undefined) => boolean

/** Limits the time of each exchange and explains its failure, in the same way for every implementation. */
export function createTransport(runtime: Runtime, wire: Wire, isBreakage: IsBreakage): Transport {
  return async (request, signal) => {
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
      return await unlessAborted(limit.signal, wire(request, progress, limit.signal))
    } catch (error) {
      if (isOver(signal)) throw ended()
      return blockedMs === undefined ? diagnose(error, progress, isBreakage) : timedOut(progress, blockedMs)
    } finally {
      cancelLimit()
      signal.removeEventListener('abort', stop)
    }
  }
}

/** A function, so that TypeScript does not narrow `aborted` across an `await`. */
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

function diagnose(error: unknown, { connection, gotHeaders }: Progress, isBreakage: IsBreakage): Outcome {
  if (error instanceof InstanceRoleError) throw error
  const isBroken =
    gotHeaders || connection === 'made' || (connection === 'hidden' && isBreakage(codeOf(error)))
  return isBroken
    ? { kind: 'broken', ...causeOf(error) }
    : { kind: 'unreachable', timedOut: false, ...causeOf(error) }
}

/** Returns a new error without `code`: with one, the SDK's retry strategy would repeat the whole request. */
function causeOf(error: unknown): { cause?: Error } {
  const text = isError(error) ? textOf(error) : undefined
  if (text === undefined) return {}
  const cause = new Error(text)
  // The stack of this function says nothing to a user.
  cause.stack = String(cause)
  return { cause }
}

/**
 * Describes an error of the operating system by its members, any other error by its code: the message of a parser error can contain
 * the bytes that it read.
 */
function textOf(error: Error): string | undefined {
  // The host name has several addresses.
  if ('errors' in error && Array.isArray(error.errors)) {
    const texts = error.errors.flatMap((one) => (isError(one) ? (textOf(one) ?? []) : []))
    if (texts.length > 0) return texts.join('; ')
  }
  const code = codeOf(error)
  // Checked before `errno`, because this error has one as well on Node 26.
  if (code === 'ERR_ACCESS_DENIED') return `${code} (start node with --allow-net)`
  return 'errno' in error ? systemText(error) : code
}

/** Words the error as Node does, but from its members: a caller's dispatcher can put anything in the message. */
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

/** Reads a response. A body that is larger than the cap is not read to its end. */
export async function readAnswer(
  status: number,
  fields: unknown,
  body: AsyncIterable<Uint8Array>,
): Promise<Received> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.byteLength
    // `byteLength` is missing if a mock sends a string: that counts as too large as well.
    if (!(length <= MAX_BODY_BYTES)) return { kind: 'oversized' }
    chunks.push(chunk)
  }
  return { kind: 'answer', status, headers: readHeaders(fields), bytes: buffer.Buffer.concat(chunks, length) }
}

/** Returns the headers of a response by lower-case name. A repeated header comes as one string or as an array. */
export function readHeaders(fields: unknown): ReadonlyMap<string, string> {
  const all = typeof fields === 'object' && fields !== null ? Object.entries(fields) : []
  const known = all.filter(([, value]) => value !== undefined)
  return new Map(known.map(([name, value]) => [name.toLowerCase(), String(value)]))
}
