import type { Clock } from './clock.js'
import type { Outcome } from './faults.js'
import type { Reply } from './reply.js'
import { firstOf, throwIfAborted } from './signals.js'

type Answered = Extract<Outcome, { reply: Reply }>

/**
 * Returns the outcome as a `Response` of the Fetch API, after its delay. Returns `undefined` if the connection fails or if one of
 * the signals is aborted first.
 */
export async function toWebResponse(
  outcome: Outcome,
  clock: Clock,
  signals: AbortSignal[],
): Promise<Response | undefined> {
  // Joining signals takes longer than everything else, and most responses come at once.
  if (outcome.kind === 'reply' && outcome.delayMs === 0 && !signals.some(({ aborted }) => aborted))
    return new Response(fullBodyOf(outcome.reply), outcome.reply)
  const signal = firstOf(signals)
  if (outcome.kind === 'silence') await untilAborted(clock, signal)
  if (!('reply' in outcome)) return undefined
  if (outcome.delayMs > 0) await clock.sleep(outcome.delayMs, signal)
  if (signal.aborted) return undefined
  return new Response(bodyOf(outcome, clock, signal), outcome.reply)
}

/** Resolves when the signal is aborted. A test clock passes time until then. */
export async function untilAborted(clock: Clock, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else
      signal.addEventListener('abort', () => {
        resolve()
      })
  })
  await clock.passUntil?.(signal)
  await aborted
}

const BODILESS = [204, 205, 304]

function bodyOf(outcome: Answered, clock: Clock, signal: AbortSignal): string | ReadableStream | null {
  const body = fullBodyOf(outcome.reply)
  if (body === null) return null
  if (outcome.kind === 'drip') return ReadableStream.from(drippingBody(body, outcome.dripMs, clock, signal))
  return outcome.kind === 'reset-mid-body' ? ReadableStream.from(brokenBody(body)) : body
}

export function fullBodyOf({ body, status }: Reply): string | null {
  return BODILESS.includes(status) ? null : body
}

export async function* drippingBody(
  body: string,
  dripMs: number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const byte of Buffer.from(body)) {
    await clock.sleep(dripMs, signal)
    throwIfAborted(signal)
    yield Uint8Array.of(byte)
  }
}

function* brokenBody(body: string): Generator<Uint8Array> {
  yield Uint8Array.from(Buffer.from(body.slice(0, Math.ceil(body.length / 2))))
  throw networkError('terminated', 'ECONNRESET')
}

/** A network error, as undici reports it. */
function networkError(message: string, code: string): TypeError {
  const cause: NodeJS.ErrnoException = new Error(code)
  cause.code = code
  return new TypeError(message, { cause })
}
