import { type Reply, errorPage } from './reply.js'

/** The faults without parameters. */
export const FAULT_WORDS = [
  'silence',
  'refuse',
  'reset',
  'reset-mid-body',
  'truncated',
  'empty',
  'oversized',
  'html',
  'broken-json',
  'expired',
] as const

/** The name of a fault without parameters. `Fault` says what each does. */
export type FaultWord = (typeof FAULT_WORDS)[number]

/**
 * What goes wrong with a request:
 *
 * - `'silence'`: the request is never answered
 * - `'refuse'`: the connection is refused (with `listen()`, a server listens, so this is like `'reset'`)
 * - `'reset'`: the connection ends before the response
 * - `'reset-mid-body'`: the connection ends in the middle of the body
 * - `'truncated'`: a well-formed response whose body ends half-way
 * - `'empty'`: 200 with an empty body
 * - `'oversized'`: the real body, followed by a mebibyte of blanks
 * - `'html'`: 200 with an HTML page, as a captive portal answers
 * - `'broken-json'`: a body that is not JSON
 * - `'expired'`: the real credentials, but expired a minute ago
 * - `{ status, body, headers }`: that response. Without `body`, the page that IMDS sends with the status
 * - `{ delayMs }`: the real response, after that many milliseconds. It can be combined with `status`
 * - `{ dripMs }`: the real response, one byte every so many milliseconds
 * - `{ redirectTo }`: 302 to that address
 * - `{ missingField }`, `{ emptyField }`: the real document without that field, or with that field empty
 * - `{ code, message }`: a document with that `Code` instead of `Success`
 */
export type Fault =
  | FaultWord
  | {
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
      readonly delayMs?: number
    }
  | { readonly delayMs: number }
  | { readonly dripMs: number }
  | { readonly redirectTo: string }
  | { readonly missingField: string }
  | { readonly emptyField: string }
  | { readonly code: string; readonly message?: string }

/**
 * How a request is answered:
 *
 * - `'silence'`, `'refuse'`, `'reset'`: not answered, see `Fault`
 * - `'reply'`: answered with `reply`, after `delayMs`
 * - `'reset-mid-body'`: answered with half of `reply`
 * - `'drip'`: answered with `reply`, one byte every `dripMs`
 */
export type Outcome =
  | { readonly kind: 'silence' | 'refuse' | 'reset' }
  | { readonly kind: 'reply'; readonly reply: Reply; readonly delayMs: number }
  | { readonly kind: 'reset-mid-body'; readonly reply: Reply; readonly delayMs: number }
  | { readonly kind: 'drip'; readonly reply: Reply; readonly delayMs: number; readonly dripMs: number }

const SHAPES = ['status', 'delayMs', 'dripMs', 'redirectTo', 'missingField', 'emptyField', 'code']

/** @throws TypeError for an unknown fault, which JavaScript tests can pass */
export function requireKnown(fault: Fault): void {
  const isKnown =
    typeof fault === 'string' ? FAULT_WORDS.includes(fault) : SHAPES.some((name) => name in fault)
  if (!isKnown) throw new TypeError(`There is no fault ${JSON.stringify(fault)}`)
}

const OVERSIZE_CHARACTERS = 1_048_576

/** Returns the outcome of a request with `fault`. `reply` is the reply without it. */
export function withFault(fault: Fault | undefined, reply: Reply, now: number): Outcome {
  if (fault === undefined) return replyOutcome(reply)
  return typeof fault === 'string' ? wordOutcome(fault, reply, now) : shapeOutcome(fault, reply)
}

function wordOutcome(word: FaultWord, reply: Reply, now: number): Outcome {
  switch (word) {
    case 'silence':
    case 'refuse':
    case 'reset':
      return { kind: word }
    case 'reset-mid-body':
      return { kind: word, reply, delayMs: 0 }
    default:
      return replyOutcome({ ...reply, ...spoilt(word, reply, now) })
  }
}

type SpoilingWord = Exclude<FaultWord, 'silence' | 'refuse' | 'reset' | 'reset-mid-body'>

function spoilt(word: SpoilingWord, { body }: Reply, now: number): Partial<Reply> {
  switch (word) {
    case 'truncated':
      return { body: body.slice(0, Math.floor(body.length / 2)) }
    case 'empty':
      return { status: 200, body: '' }
    case 'oversized':
      return { body: body + ' '.repeat(OVERSIZE_CHARACTERS) }
    case 'html':
      return { ...errorPage(200), body: '<!doctype html><title>Sign in</title><p>Sign in to the network</p>' }
    case 'broken-json':
      return { body: `{"Code" : "Success", ${body.slice(0, -1)}` }
    case 'expired':
      return {
        body: edited(body, { Expiration: new Date(now - 60_000).toISOString().replace(/\.\d+Z$/, 'Z') }),
      }
  }
}

function shapeOutcome(fault: Exclude<Fault, string>, reply: Reply): Outcome {
  if ('status' in fault) return replyOutcome(statusReply(fault), fault.delayMs)
  if ('delayMs' in fault) return replyOutcome(reply, fault.delayMs)
  if ('dripMs' in fault) return { kind: 'drip', reply, delayMs: 0, dripMs: fault.dripMs }
  if ('redirectTo' in fault) return replyOutcome(redirect(fault.redirectTo))
  if ('missingField' in fault) return edit({ [fault.missingField]: undefined })
  if ('emptyField' in fault) return edit({ [fault.emptyField]: '' })
  return replyOutcome({ ...reply, body: failureDocument(fault) })

  function edit(changes: Readonly<Record<string, string | undefined>>): Outcome {
    return replyOutcome({ ...reply, body: edited(reply.body, changes) })
  }
}

function replyOutcome(reply: Reply, delayMs = 0): Outcome {
  return { kind: 'reply', reply, delayMs }
}

function statusReply({ status, body, headers }: Extract<Fault, { status: number }>): Reply {
  const page = errorPage(status)
  return { status, headers: { ...page.headers, ...headers }, body: body ?? page.body }
}

function redirect(location: string): Reply {
  return { status: 302, headers: { location, 'content-type': 'text/html' }, body: '' }
}

function failureDocument({ code, message }: Extract<Fault, { code: string }>): string {
  return JSON.stringify({ Code: code, ...(message !== undefined && { Message: message }) })
}

/** Returns the JSON document with some members changed, or removed if `undefined`. Other text is returned unchanged. */
function edited(body: string, changes: Readonly<Record<string, string | undefined>>): string {
  try {
    const document: unknown = JSON.parse(body)
    return typeof document === 'object' ? JSON.stringify({ ...document, ...changes }, undefined, 2) : body
  } catch {
    return body
  }
}
