import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { answerOneAtATime } from './answer-one-at-a-time.js'
import { answer, type CredentialsEndpoint, type Reply } from './answer-credentials-request.js'
import { limitConnections } from './limit-connections.js'

/** Where to listen. */
export interface ListenOptions {
  /** 0 means a free port. */
  readonly port: number
  /** Whether to listen on `::1` as well, on the same port. */
  readonly ipv6: boolean
}

/** A server of the container credentials protocol on loopback. */
export interface CredentialsServer {
  readonly port: number
  /** Stops listening and ends every connection. */
  close(): Promise<void>
}

/** A request of an SDK has about 200 bytes and arrives at once. No SDK needs more than these limits. */
const LIMITS = {
  maxHeaderSize: 8_192,
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  // Passed explicitly, because a flag of the process can change it.
  insecureHTTPParser: false,
}
const MAX_CONNECTIONS = 256
const MAX_REQUESTS_PER_CONNECTION = 100
/** Longer than any response takes. Closes connections whose client reads nothing. */
const IDLE_LIMIT_MS = 10_000

/**
 * Serves the endpoint on `127.0.0.1`, and on `::1` if asked.
 *
 * @throws the error of `listen`, for example `EADDRINUSE`
 */
export async function listenOnLoopback(
  endpoint: Omit<CredentialsEndpoint, 'hosts'>,
  { port, ipv6 }: ListenOptions,
): Promise<CredentialsServer> {
  const hosts = new Set<string>()
  const open: Server[] = []
  const close = async (): Promise<void> => {
    await Promise.all(open.map(stop))
  }
  try {
    for (const address of ipv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
      const server = createLimitedServer({ ...endpoint, hosts })
      open.push(await bind(server, portOf(open[0]) ?? port, address))
    }
    const bound = portOf(open[0]) ?? port
    for (const name of hostNames(ipv6)) addHost(hosts, name, bound)
    return { port: bound, close }
  } catch (error) {
    await close()
    throw error
  }
}

function hostNames(ipv6: boolean): readonly string[] {
  return ipv6 ? ['127.0.0.1', 'localhost', '[::1]'] : ['127.0.0.1', 'localhost']
}

/** Clients omit the default port. */
function addHost(hosts: Set<string>, name: string, port: number): void {
  hosts.add(`${name}:${port}`)
  if (port === 80) hosts.add(name)
}

function createLimitedServer(endpoint: CredentialsEndpoint): Server {
  // Not imported: an import loads undici on Node 22, which ends the process under `--jitless`.
  const { createServer } = process.getBuiltinModule('node:http')
  const server = createServer(LIMITS, (request, response) => void serve(request, response, endpoint))
  limitConnections(server, MAX_CONNECTIONS)
  answerOneAtATime(server)
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION
  server.timeout = IDLE_LIMIT_MS
  return server
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  endpoint: CredentialsEndpoint,
): Promise<void> {
  const { method = '', url: target = '', headersDistinct: headers } = request
  send(await answer({ method, target, headers }, endpoint), response)
}

function send({ status, body, headers }: Reply, response: ServerResponse): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  })
  response.end(body)
}

function bind(server: Server, port: number, address: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host: address, ipv6Only: true }, () => {
      server.off('error', reject)
      resolve(server)
    })
  })
}

function portOf(server: Server | undefined): number | undefined {
  const address = server?.address()
  return typeof address === 'object' ? address?.port : undefined
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}
