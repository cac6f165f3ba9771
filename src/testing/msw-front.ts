import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Answering } from './fetch-front.js'
import { toWebResponse } from './web-response.js'

/**
 * Request handlers for the `setupServer` of msw 2 and msw 3.
 *
 * Typed as what fits the parameters of both, so that these declarations need neither.
 */
export type MswHandlers = never[]

/** The part of msw that makes handlers. */
interface Msw {
  readonly http: {
    all(path: string, resolver: (info: { readonly request: Request }) => Promise<unknown>): unknown
  }
}

// Any origin: every endpoint, IPv6 included, is one that IMDS may have.
const PATTERNS = ['*/latest', '*/latest/*']

/**
 * Handlers that answer, at any origin, what IMDS has below `/latest/`.
 *
 * @throws when msw is not installed
 */
export function createMswHandlers(instance: Answering): MswHandlers {
  const { http } = loadMsw()
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
  const ended = AbortSignal.any([request.signal, instance.closed])
  // A network error is returned: a handler that throws has msw print to the user's terminal.
  return (await toWebResponse(outcome, instance.clock, ended)) ?? Response.error()
}

function loadMsw(): Msw {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    const msw = tryToLoad(from)
    if (isMsw(msw)) return msw
  }
  throw new Error('instance.handlers needs msw, 2 or 3: npm install --save-dev msw')
}

function tryToLoad(from: string): unknown {
  try {
    return createRequire(from)('msw')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

function isMsw(value: unknown): value is Msw {
  return typeof value === 'object' && value !== null && 'http' in value
}

function assertFitting(handlers: unknown[]): asserts handlers is never[] {
  if (handlers.length !== PATTERNS.length) throw new Error('msw made no handlers')
}
