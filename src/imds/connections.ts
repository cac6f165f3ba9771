import net from 'node:net'
import tls from 'node:tls'
import type { buildConnector, Dispatcher } from 'undici'
import Agent from 'undici/lib/dispatcher/agent.js'

/** `untried` also under a mocked `fetch`, which never asks the dispatcher to connect. */
export type LastConnection = 'untried' | 'unmade' | 'made'

/** The sockets of one load, and the dispatcher that hands them to `fetch`. */
export interface Connections {
  readonly dispatcher: Dispatcher
  /** What became of the last connection tried; `unmade` while it is being made, and where it failed. */
  lastConnection(): LastConnection
  close(): void
}

/** undici's own timers are coarse, and whole milliseconds: they are the net under ours, never the limit itself. */
const NET_FACTOR = 2

/**
 * Opens direct connections: no proxy is used, whatever the environment or a global dispatcher says.
 *
 * The sockets never keep the process alive; whoever waits for an answer does.
 */
export function openConnections(timeoutMs: number, maxBytes: number): Connections {
  const sockets = new Set<net.Socket>()
  let lastConnection: LastConnection = 'untried'
  const connect: buildConnector.connector = (options, callback) => {
    lastConnection = 'unmade'
    const socket = openSocket(options)
    sockets.add(socket)
    // By now the socket has its handle; without one, `unref` would take effect only once it is connected.
    socket.unref().setNoDelay(true)
    socket.once(readyEvent(options), () => {
      lastConnection = 'made'
      callback(null, socket)
    })
    socket.on('error', (error) => callback(error, null))
    socket.once('close', () => sockets.delete(socket))
  }
  const agent = createAgent(connect, Math.ceil(timeoutMs * NET_FACTOR), maxBytes * NET_FACTOR)
  return {
    dispatcher: agent,
    lastConnection: () => lastConnection,
    close: () => {
      agent.destroy().catch(() => {})
      for (const socket of sockets) socket.destroy()
    },
  }
}

function createAgent(connect: buildConnector.connector, timeoutMs: number, maxResponseSize: number): Agent {
  return new Agent({
    connect,
    connections: 1,
    // None is kept, as IMDS keeps none: one that the other side has closed without a word fails the next request.
    pipelining: 0,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize,
  })
}

type Target = Parameters<buildConnector.connector>[0]

function readyEvent({ protocol }: Target): string {
  return protocol === 'https:' ? 'secureConnect' : 'connect'
}

function openSocket({ protocol, hostname, port }: Target): net.Socket {
  if (protocol !== 'https:') return net.connect({ host: hostname, port: Number(port || 80) })
  const servername = net.isIP(hostname) === 0 ? { servername: hostname } : {}
  return tls.connect({
    host: hostname,
    port: Number(port || 443),
    ALPNProtocols: ['http/1.1'],
    ...servername,
  })
}
