import type { Transport } from '../imds/transport.js'
import type { Runtime } from '../runtime/runtime.js'

/** A request to IMDS and how it ended. It contains no token and no body. */
export interface SentRequest {
  readonly method: string
  readonly tookMs: number
  /** Absent if there was no response. */
  readonly status?: number
}

/** Wraps the transport, so that each request is noted in `log` when it ends. */
export function loggingTransport(
  transport: Transport,
  { now }: Pick<Runtime, 'now'>,
  log: SentRequest[],
): Transport {
  return async (exchange, signal) => {
    const sentAt = now()
    const sent = (): SentRequest => ({ method: exchange.method, tookMs: now() - sentAt })
    try {
      const outcome = await transport(exchange, signal)
      log.push(outcome.kind === 'answer' ? { ...sent(), status: outcome.status } : sent())
      return outcome
    } catch (error) {
      log.push(sent())
      throw error
    }
  }
}
