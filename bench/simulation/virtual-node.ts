import { EventEmitter } from 'node:events'
import http, { type RequestOptions } from 'node:http'
import type { Outcome } from '../../src/testing/faults.js'
import type { SimulationClock } from './clock.js'
import type { MetadataLink } from './metadata-link.js'

/** The replacements for Node's own functions during the simulation of other code. */
export interface VirtualNode {
  readonly clock: SimulationClock
  readonly link: MetadataLink
  readonly random: () => number
}

/**
 * Runs `work` with `Date.now`, `Math.random` and `request` of `node:http` replaced: code that looks them up at each use, as the AWS
 * SDK's providers do, runs unchanged in the simulation.
 *
 * The replaced HTTP has what those providers listen to: `response` with `data` and `end`, `error`, and the `timeout` of an idle
 * socket. A body comes in one piece.
 */
export async function withVirtualNode<T>(node: VirtualNode, work: () => Promise<T>): Promise<T> {
  const { now } = Date
  const { random } = Math
  const { request } = http
  Reflect.set(Date, 'now', () => node.clock.now())
  Reflect.set(Math, 'random', node.random)
  Reflect.set(http, 'request', (options: RequestOptions) => new VirtualRequest(node, options))
  try {
    return await work()
  } finally {
    Reflect.set(Date, 'now', now)
    Reflect.set(Math, 'random', random)
    Reflect.set(http, 'request', request)
  }
}

class VirtualResponse extends EventEmitter {
  readonly statusCode: number

  constructor(statusCode: number) {
    super()
    this.statusCode = statusCode
  }
}

class VirtualRequest extends EventEmitter {
  readonly #node: VirtualNode
  readonly #options: RequestOptions
  readonly #cancels: (() => void)[] = []

  constructor(node: VirtualNode, options: RequestOptions) {
    super()
    this.#node = node
    this.#options = options
  }

  end(): this {
    const { timeout } = this.#options
    if (timeout !== undefined) this.#later(timeout, () => this.emit('timeout'))
    this.#schedule(this.#node.link.ask(toEmulatedRequest(this.#options)))
    return this
  }

  destroy(): this {
    for (const cancel of this.#cancels.splice(0)) cancel()
    return this
  }

  #schedule(outcome: Outcome): void {
    switch (outcome.kind) {
      case 'silence':
        return
      case 'refuse':
        this.#later(0, () => this.#break('ECONNREFUSED'))
        return
      case 'reset':
        this.#later(0, () => this.#break('ECONNRESET'))
        return
      case 'reply':
        this.#later(outcome.delayMs, () => this.#answer(outcome.reply))
        return
      default:
        throw new Error(`The virtual node:http has no ${outcome.kind}`)
    }
  }

  #answer({ status, body }: { readonly status: number; readonly body: string }): void {
    this.destroy()
    const response = new VirtualResponse(status)
    this.emit('response', response)
    response.emit('data', Buffer.from(body))
    response.emit('end')
  }

  #break(code: string): void {
    this.destroy()
    this.emit('error', Object.assign(new Error(code), { code }))
  }

  #later(delayMs: number, happen: () => void): void {
    this.#cancels.push(this.#node.clock.after(delayMs, happen))
  }
}

function toEmulatedRequest({ method, path, headers }: RequestOptions): {
  method: string
  path: string
  headers: Record<string, string>
} {
  return {
    method: method ?? 'GET',
    path: path ?? '/',
    headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)])),
  }
}
