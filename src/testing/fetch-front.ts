import type { Clock } from './clock.js'
import type { Outcome } from './faults.js'
import type { EmulatedRequest } from './imds-protocol.js'
import { networkError, toWebResponse } from './web-response.js'

/** The pure core of an emulated instance, as its fronts use it. */
export interface Answering {
  readonly clock: Clock
  /** Aborted when the instance is closed. */
  readonly closed: AbortSignal
  answer(request: EmulatedRequest): Outcome
}

/** The Fetch API's function. */
export type EmulatedFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** A `fetch` that asks the instance whatever the address, in this process, without a socket. */
export function createFetch(instance: Answering): EmulatedFetch {
  return async (input, init) =>
    follow(instance, input instanceof Request ? callOfRequest(new Request(input, init)) : callOf(input, init))
}

interface Call {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly redirect: 'follow' | 'error' | 'manual'
  readonly signal: AbortSignal | undefined
}

function callOfRequest({ url, method, headers, redirect, signal }: Request): Call {
  return { url: new URL(url), method, headers, redirect, signal }
}

// Without a Request of the Fetch API: those follow their signal, and one signal may serve thousands of calls.
function callOf(url: string | URL, init: RequestInit = {}): Call {
  return {
    url: new URL(url),
    method: (init.method ?? 'GET').toUpperCase(),
    headers: new Headers(init.headers),
    redirect: init.redirect ?? 'follow',
    signal: init.signal ?? undefined,
  }
}

/** @see https://fetch.spec.whatwg.org/#http-redirect-fetch */
const MAX_REDIRECTS = 20

async function follow(instance: Answering, call: Call, followed = 0): Promise<Response> {
  const response = await exchange(instance, call)
  const location = response.headers.get('location')
  if (location === null || call.redirect === 'manual') return response
  if (call.redirect === 'error') throw networkError('fetch failed', 'unexpected redirect')
  if (followed === MAX_REDIRECTS) throw networkError('fetch failed', 'redirect count exceeded')
  return follow(instance, { ...call, url: new URL(location, call.url) }, followed + 1)
}

async function exchange(instance: Answering, call: Call): Promise<Response> {
  const { url, method, headers, signal } = call
  signal?.throwIfAborted()
  const outcome = instance.answer({ method, path: url.pathname, headers: Object.fromEntries(headers) })
  const ends = signal === undefined ? [instance.closed] : [instance.closed, signal]
  const response = await toWebResponse(outcome, instance.clock, ends)
  signal?.throwIfAborted()
  if (response !== undefined) return response
  throw networkError('fetch failed', outcome.kind === 'refuse' ? 'ECONNREFUSED' : 'ECONNRESET')
}
