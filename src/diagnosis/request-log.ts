import type { FetchInit, Runtime } from '../runtime.js'

/** A request to IMDS and how it ended; neither token nor body. */
export interface SentRequest {
  readonly method: string
  readonly tookMs: number
  /** Absent where no answer came. */
  readonly status?: number
}

/** The runtime, noting each request in `log` as it ends. */
export function loggingRuntime(runtime: Runtime, log: SentRequest[]): Runtime {
  const fetch = async (url: string, init: FetchInit): Promise<Response> => {
    const sentAt = runtime.now()
    const { method } = init
    try {
      const response = await runtime.fetch(url, init)
      log.push({ method, tookMs: runtime.now() - sentAt, status: response.status })
      return response
    } catch (error) {
      log.push({ method, tookMs: runtime.now() - sentAt })
      throw error
    }
  }
  return { ...runtime, fetch }
}
