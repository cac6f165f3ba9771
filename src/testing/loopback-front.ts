import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isIPv6 } from 'node:net'
import type { Clock } from './clock.js'
import type { Outcome } from './faults.js'
import type { Answering } from './dispatcher-front.js'
import type { EmulatedRequest } from './imds-protocol.js'
import type { Reply } from './reply.js'
import { firstOf } from './signals.js'
import { untilAborted } from './web-response.js'

/** Options of `listen`. */
export interface ListenOptions {
  /**
   * The port to listen on.
   *
   * @default a free port
   */
  readonly port?: number
  /**
   * The address to listen on.
   *
   * @default '127.0.0.1'
   */
  readonly host?: string
  /**
   * Whether to refuse every request with an `X-Forwarded-For` header. EC2 refuses only token requests with it.
   *
   * @default false
   */
  readonly refuseForwarded?: boolean
}

/** An instance that can refuse a request before it decides how to answer. */
interface Guarded extends Answering {
  /** Answers 403 and writes an entry in the log. */
  refuse(request: EmulatedRequest): Outcome
}

/** An emulated instance on a real port. */
export interface LoopbackServer {
  /** For example `http://127.0.0.1:40123`. */
  readonly endpoint: string
  /** The port that it listens on. */
  readonly port: number
  /** The environment variable that makes a process use this server as its IMDS. */
  readonly env: { readonly AWS_EC2_METADATA_SERVICE_ENDPOINT: string }
  /** Stops listening and ends every connection. */
  close(): Promise<void>
  /** Like `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Serves the instance on a real port, of the loopback address by default.
 *
 * On a loopback address, requests for another host are refused, such as those of a web page whose name resolves to this address.
 */
export async function listenOnLoopback(
  instance: Guarded,
  { port = 0, host = '127.0.0.1', refuseForwarded = false }: ListenOptions = {},
): Promise<LoopbackServer> {
  const isOpen = !isLoopback(host)
  // Not imported: an import loads undici on Node 22, which ends the process under `--jitless`.
  const server = process.getBuiltinModule('node:http').createServer((request, response) => {
    const { host: asked, 'x-forwarded-for': forwardedFor } = request.headers
    const isRefused = !(isOpen || isOwnHost(asked)) || (refuseForwarded && forwardedFor !== undefined)
    // If the user's own `issueCredentials` or `onRequest` throws, the client sees a broken connection.
    serve(instance, request, response, isRefused).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : undefined),
    )
  })
  const boundPort = await bind(server, port, host)
  const endpoint = `http://${isIPv6(host) ? `[${host}]` : host}:${boundPort}`
  const close = (): Promise<void> => stop(server)
  return {
    endpoint,
    port: boundPort,
    env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function bind(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

const IMDS_HOSTS = ['169.254.169.254', 'fd00:ec2::254']

/** Whether a `Host` header names this machine, or IMDS by its address. Browsers always send one. */
function isOwnHost(header: string | undefined): boolean {
  if (header === undefined) return true
  const host = header
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  return isLoopback(host) || IMDS_HOSTS.includes(host)
}

async function serve(
  instance: Guarded,
  request: IncomingMessage,
  response: ServerResponse,
  isRefused: boolean,
): Promise<void> {
  const hungUp = new AbortController()
  response.once('close', () => {
    hungUp.abort()
  })
  const received = emulatedRequest(request)
  const outcome = isRefused ? instance.refuse(received) : instance.answer(received)
  await deliver(outcome, instance, response, firstOf([hungUp.signal, instance.closed]))
}

function emulatedRequest({ method = 'GET', url = '/', headers }: IncomingMessage): EmulatedRequest {
  const single = Object.entries(headers).map(([name, value]) => [name, String(value)] as const)
  return { method, path: url, headers: Object.fromEntries(single) }
}

async function deliver(
  outcome: Outcome,
  { clock }: Answering,
  response: ServerResponse,
  ended: AbortSignal,
): Promise<void> {
  if (outcome.kind === 'silence') await untilAborted(clock, ended)
  if (!('reply' in outcome)) {
    reset(response)
    return
  }
  if (outcome.delayMs > 0) await clock.sleep(outcome.delayMs, ended)
  if (!ended.aborted) send(outcome, clock, response, ended)
}

function send(
  outcome: Extract<Outcome, { reply: Reply }>,
  clock: Clock,
  response: ServerResponse,
  ended: AbortSignal,
): void {
  const { status, headers, body } = outcome.reply
  response.writeHead(status, headers)
  switch (outcome.kind) {
    case 'reply':
      response.end(body)
      break
    case 'reset-mid-body':
      breakOff(response, body)
      break
    case 'drip':
      void drip(response, body, () => clock.sleep(outcome.dripMs, ended))
  }
}

async function drip(response: ServerResponse, body: string, pause: () => Promise<void>): Promise<void> {
  for (const byte of Buffer.from(body)) {
    await pause()
    if (response.closed) return
    response.write(Buffer.of(byte))
  }
  response.end()
}

function breakOff(response: ServerResponse, body: string): void {
  response.write(body.slice(0, Math.ceil(body.length / 2)), () => {
    reset(response)
  })
}

function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy()
}
