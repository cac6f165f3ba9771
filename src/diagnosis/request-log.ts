import { type FetchInit, type Runtime } from '../runtime.js'

/** A request to IMDS and how it ended; neither token nor body. */
export interface SentRequest {
  readonly method: string
  readonly path: string
  readonly tookMs: number
  /** Absent where no answer came. */
  readonly status?: number
  /** How far the local clock is ahead of the answer's `Date`, which has whole seconds. */
  readonly clockAheadMs?: number
}

/** The runtime, noting each request in `log` as it ends. */
export function loggingRuntime(runtime: Runtime, log: SentRequest[]): Runtime {
  const fetch = async (url: string, init: FetchInit): Promise<Response> => {
    const sentAt = runtime.now()
    const request = { method: init.method, path: new URL(url).pathname }
    try {
      const response = await runtime.fetch(url, init)
      const tookMs = runtime.now() - sentAt
      const ahead = clockAhead(response.headers.get('date'), sentAt + tookMs / 2)
      log.push({ ...request, tookMs, status: response.status, ...ahead })
      return response
    } catch (error) {
      log.push({ ...request, tookMs: runtime.now() - sentAt })
      throw error
    }
  }
  return { ...runtime, fetch }
}

/** The header tells the second that has begun: half a second later is the best guess. */
const HALF_SECOND_MS = 500

function clockAhead(date: string | null, localAt: number): { clockAheadMs?: number } {
  const remoteAt = date === null ? NaN : Date.parse(date)
  return Number.isNaN(remoteAt) ? {} : { clockAheadMs: Math.round(localAt - remoteAt - HALF_SECOND_MS) }
}
