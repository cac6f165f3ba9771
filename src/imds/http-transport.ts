import type { Agent, ClientRequest, ClientRequestArgs, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Runtime, unref } from '../runtime/runtime.js'
import {
  type Received,
  createTransport,
  type Exchange,
  type Progress,
  readAnswer,
  type Transport,
} from './transport.js'

/** Node's default. It is passed explicitly, because `--max-http-header-size` changes the default for the whole process. */
const MAX_HEADER_BYTES = 16_384

/** Sends requests to IMDS with `node:http` or `node:https`: a new connection for each request, without any proxy. */
export function httpTransport(runtime: Runtime): Transport {
  return createTransport(runtime, exchange, isBreakage)
}

/** Errors of mocked requests that mean a broken connection. Errors without a code mean that there is no connection. */
function isBreakage(code: string | undefined): boolean {
  return code !== undefined && /^(ECONNRESET|EPIPE|HPE_.*)$/.test(code)
}

async function exchange(asked: Exchange, progress: Progress, signal: AbortSignal): Promise<Received> {
  const request = open(asked, progress)
  const stop = (): void => void request.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await answerTo(request, progress)
  } finally {
    signal.removeEventListener('abort', stop)
    // Always: the server may keep the connection open, for example after 101.
    stop()
  }
}

function answerTo(request: ClientRequest, progress: Progress): Promise<Received> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => {
      progress.gotHeaders = true
      // Node treats 101 without an `Upgrade` header as a response.
      if (response.statusCode === 101) reject(new Error('upgraded'))
      answerIn(response).then(resolve, reject)
    })
    request.on('upgrade', (_response, socket) => {
      socket.destroy()
      reject(new Error('upgraded'))
    })
    request.on('close', () => {
      // After a response, the end of the response decides.
      if (!progress.gotHeaders) reject(new Error('closed before an answer'))
    })
    request.end()
  })
}

/** Looked up at each request: importing this package stays cheap, and request mocking that is installed later works. */
function open({ method, url, headers }: Exchange, progress: Progress): ClientRequest {
  const http = process.getBuiltinModule('node:http')
  const { protocol, hostname, port, pathname, search } = new URL(url)
  const options: ClientRequestArgs = {
    method,
    protocol,
    // Only URLs put an IPv6 address in brackets.
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port !== '' && { port }),
    path: pathname + search,
    headers,
    agent: openAgent(protocol, progress),
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEADER_BYTES,
  }
  // global-agent and APM agents replace `http.request`, to use a proxy or to record headers.
  return typeof http.ClientRequest === 'function' ? new http.ClientRequest(options) : http.request(options)
}

/** A new agent has no proxy and no connections of other requests. It notes how far its connection has come. */
function openAgent(protocol: string, progress: Progress): Agent {
  const agent =
    protocol === 'https:'
      ? new (process.getBuiltinModule('node:https').Agent)({ ALPNProtocols: ['http/1.1'] })
      : new (process.getBuiltinModule('node:http').Agent)()
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    progress.connection = 'pending'
    const socket = connect(options, callback)
    if (socket) watch(socket, protocol, progress)
    return socket
  }
  return agent
}

function watch(socket: Duplex, protocol: string, progress: Progress): void {
  socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => {
    progress.connection = 'made'
  })
  // The caller that waits keeps the process alive; the socket does not.
  unref(socket)
}

async function answerIn(response: IncomingMessage): Promise<Received> {
  const answer = await readAnswer(response.statusCode ?? 0, response.headers, response)
  if (answer.kind === 'answer' && !response.complete) throw new Error('closed within an answer')
  return answer
}
