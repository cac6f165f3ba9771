import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Answering } from './dispatcher-front.js'
import { toWebResponse } from './web-response.js'

/**
 * Request handlers for the `setupServer` of msw 2 and msw 3.
 *
 * The type fits the parameters of both versions, so these declarations need neither.
 */
export type MswHandlers = never[]

/** The part of msw that creates handlers. */
export interface Msw {
  readonly http: {
    all(
      path: string,
      resolver: (info: { readonly request: Request }) => Promise<Response | undefined>,
    ): unknown
  }
}

// Any origin, because IMDS can have any endpoint, IPv6 included.
const PATTERNS = ['*/latest', '*/latest/*']

// Beside this package, as a peer dependency is; or in the project whose tests are run.
const PLACES = [import.meta.url, join(process.cwd(), 'package.json')]

/**
 * Creates handlers that answer requests below `/latest/` at any origin.
 *
 * @throws if msw is not installed
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
  // A path with `/latest/` further down is not of IMDS: it is left to other handlers.
  if (!/^\/latest(?:\/|$)/.test(pathname)) return undefined
  const headers = Object.fromEntries(request.headers)
  const outcome = instance.answer({ method: request.method, path: pathname, headers })
  // The network error is returned, because msw prints the error of a handler that throws.
  return (await toWebResponse(outcome, instance.clock, [request.signal, instance.closed])) ?? Response.error()
}

/**
 * Loads msw from the first place that has it.
 *
 * It loads synchronously, and only if needed: users of other fronts may not have msw.
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

/** A type assertion without a check: no single type fits the handlers of msw 2 and msw 3. */
function assertFitting(handlers: unknown[]): asserts handlers is never[] {
  if (handlers.length !== PATTERNS.length) throw new Error('msw made no handlers')
}
