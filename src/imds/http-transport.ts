import type { Agent, ClientRequest, ClientRequestArgs, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { buffer } from '../runtime/builtins.js'
import { type Runtime, unref } from '../runtime/runtime.js'
import {
  type Answer,
  createTransport,
  type Exchange,
  MAX_BODY_BYTES,
  type Oversized,
  type Progress,
  readHeaders,
  type Transport,
} from './transport.js'

/** Node's default. Passed explicitly, because `--max-http-header-size` changes it for the whole process. */
const MAX_HEADER_BYTES = 16_384

/** Asks IMDS with `node:http` or `node:https`: a connection of its own for each request, and no proxy. */
export function httpTransport(runtime: Runtime): Transport {
  return createTransport(runtime, { exchange, isBreakage })
}

/** What mocked requests fail with, beside errors of no code, which stand for a network that is not there. */
function isBreakage(code: string | undefined): boolean {
  return code !== undefined && /^(ECONNRESET|EPIPE|HPE_.*)$/.test(code)
}

async function exchange(
  asked: Exchange,
  progress: Progress,
  signal: AbortSignal,
): Promise<Answer | Oversized> {
  const request = open(asked, progress)
  const stop = (): void => void request.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await answerTo(request, progress)
  } finally {
    signal.removeEventListener('abort', stop)
    // However it ended: the other side may keep the connection, after 101 for instance.
    stop()
  }
}

function answerTo(request: ClientRequest, progress: Progress): Promise<Answer | Oversized> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => {
      progress.gotHeaders = true
      // Node takes 101 without an `Upgrade` header for a response.
      if (response.statusCode === 101) reject(new Error('upgraded'))
      readAnswer(response).then(resolve, reject)
    })
    request.on('upgrade', (_response, socket) => {
      socket.destroy()
      reject(new Error('upgraded'))
    })
    request.on('close', () => {
      // After a response, its own end counts.
      if (!progress.gotHeaders) reject(new Error('closed before an answer'))
    })
    request.end()
  })
}

/** Taken at each request: import stays cheap, and request mocking that is installed later is seen. */
function open({ method, url, headers }: Exchange, progress: Progress): ClientRequest {
  const http = process.getBuiltinModule('node:http')
  const { protocol, hostname, port, pathname, search } = new URL(url)
  const options: ClientRequestArgs = {
    method,
    protocol,
    // An IPv6 address stands in brackets in a URL only.
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port !== '' && { port }),
    path: pathname + search,
    headers,
    agent: openAgent(protocol, progress),
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEADER_BYTES,
  }
  // `http.request` is what global-agent and APM agents replace, to send through a proxy or to record headers.
  return typeof http.ClientRequest === 'function' ? new http.ClientRequest(options) : http.request(options)
}

/** An agent of its own knows no proxy, and no connection of others; it tells how far its connection has come. */
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
  // Whoever waits for an answer keeps the process alive; the socket does not.
  unref(socket)
}

function readAnswer(response: IncomingMessage): Promise<Answer | Oversized> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
    response.on('data', (chunk: Uint8Array) => {
      length += chunk.byteLength
      if (length > MAX_BODY_BYTES) resolve({ kind: 'oversized' })
      else chunks.push(chunk)
    })
    response.on('end', () => {
      if (!response.complete) return
      const bytes = buffer.Buffer.concat(chunks, length)
      resolve({
        kind: 'answer',
        status: response.statusCode ?? 0,
        headers: readHeaders(response.headers),
        bytes,
      })
    })
    response.on('error', reject)
    response.on('close', () => reject(new Error('closed within an answer')))
  })
}
