import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Answering } from './dispatcher-front.js'
import { toWebResponse } from './web-response.js'

/**
 * Request handlers for the `setupServer` of msw 2 and msw 3.
 *
 * Typed as what fits the parameters of both, so that these declarations need neither.
 */
export type MswHandlers = never[]

/** The part of msw that makes handlers. */
export interface Msw {
  readonly http: {
    all(
      path: string,
      resolver: (info: { readonly request: Request }) => Promise<Response | undefined>,
    ): unknown
  }
}

// Any origin: every endpoint, IPv6 included, is one that IMDS may have.
const PATTERNS = ['*/latest', '*/latest/*']

// Beside this package, as a peer dependency is; or in the project whose tests are run.
const PLACES = [import.meta.url, join(process.cwd(), 'package.json')]

/**
 * Handlers that answer, at any origin, what IMDS has below `/latest/`.
 *
 * @throws when msw is not installed
 */
export function createMswHandlers(instance: Answering, { http }: Msw = loadMsw(PLACES)): MswHandlers {
  const handlers: unknown[] = PATTERNS.map((pattern) =>
    http.all(pattern, ({ request }) => resolve(instance, request)),
  )
  assertFitting(handlers)
  return handlers
}

async function resolve(instance: Answering, request: Request): Promise<Response | undefined> {
  const { pathname } = new URL(request.url)
  // Left to other handlers: `/latest/` further down the path of something that is not IMDS.
  if (!/^\/latest(?:\/|$)/.test(pathname)) return undefined
  const headers = Object.fromEntries(request.headers)
  const outcome = instance.answer({ method: request.method, path: pathname, headers })
  // A network error is returned: a handler that throws has msw print to the user's terminal.
  return (await toWebResponse(outcome, instance.clock, [request.signal, instance.closed])) ?? Response.error()
}

/**
 * Load the copy of msw that is found from the first place that has one.
 *
 * Synchronously, and at need only: who uses another front has no msw.
 */
export function loadMsw(places: readonly string[]): Msw {
  const failures: unknown[] = []
  for (const place of places) {
    try {
      const msw: unknown = createRequire(place)('msw')
      if (isMsw(msw)) return msw
    } catch (error) {
      failures.push(error)
    }
  }
  throw new Error('instance.handlers needs msw, 2 or 3: npm install --save-dev msw', { cause: failures[0] })
}

function isMsw(value: unknown): value is Msw {
  return typeof value === 'object' && value !== null && 'http' in value
}

/** A cast in the shape of a check: no one type names the handlers of msw 2 and of msw 3. */
function assertFitting(handlers: unknown[]): asserts handlers is never[] {
  if (handlers.length !== PATTERNS.length) throw new Error('msw made no handlers')
}
