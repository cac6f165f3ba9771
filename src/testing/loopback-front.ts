import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import { isIPv6 } from 'node:net'
import type { Clock } from './clock.js'
import type { Outcome } from './faults.js'
import type { Answering } from './fetch-front.js'
import type { Reply } from './reply.js'
import { untilAborted } from './web-response.js'

export interface ListenOptions {
  /** @default a free one */
  readonly port?: number
  /** @default '127.0.0.1' */
  readonly host?: string
}

/** An emulated instance on a real port. */
export interface LoopbackServer {
  /** Such as `http://127.0.0.1:40123`. */
  readonly endpoint: string
  readonly port: number
  /** What a child process needs in its environment to ask this server. */
  readonly env: { readonly AWS_EC2_METADATA_SERVICE_ENDPOINT: string }
  /** Stops listening and ends every connection. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Serves the instance on a real port, of the loopback address unless told otherwise. */
export async function listenOnLoopback(
  instance: Answering,
  { port = 0, host = '127.0.0.1' }: ListenOptions = {},
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    void serve(instance, request, response)
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

async function serve(instance: Answering, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hungUp = new AbortController()
  response.once('close', () => {
    hungUp.abort()
  })
  const outcome = instance.answer({
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    ),
  })
  await deliver(outcome, instance, response, AbortSignal.any([hungUp.signal, instance.closed]))
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
