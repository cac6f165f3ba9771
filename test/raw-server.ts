import net, { type AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'

/** A raw server that does with each connection what a test wants, which no HTTP server can do. */
export interface RawServer extends AsyncDisposable {
  readonly endpoint: string
  readonly port: number
  /** The bytes that each connection has sent so far. */
  readonly received: readonly string[]
}

/** Calls `answer` at the first bytes of each connection. */
export async function serveRaw(answer: (socket: net.Socket) => void, host = '127.0.0.1'): Promise<RawServer> {
  const received: string[] = []
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    const index = received.push('') - 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => (received[index] = (received[index] ?? '') + bytes.toString('latin1')))
    socket.once('data', () => answer(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://${net.isIPv6(host) ? `[${host}]` : host}:${port}`,
    port,
    received,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** A thread that listens and never accepts. */
const DEAF = `
  const { parentPort, workerData } = require('node:worker_threads')
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: workerData, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
  })
`

/** A port at which connections are neither accepted nor refused, because its backlog is full, for all addresses of `host`. */
export async function serveFull(
  host = '127.0.0.1',
): Promise<{ readonly endpoint: string; readonly port: number } & AsyncDisposable> {
  const worker = new Worker(DEAF, { eval: true, workerData: host })
  const port = await new Promise<number>((resolve) => worker.once('message', resolve))
  const waiting = Array.from({ length: 4 }, () => net.connect(port, '127.0.0.1').on('error', () => {}))
  await Promise.all(
    waiting.slice(0, 2).map((socket) => new Promise((resolve) => socket.once('connect', resolve))),
  )
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of waiting) socket.destroy()
      await worker.terminate()
    },
  }
}

/** The head of a 200 answer. */
export function head(...fields: readonly string[]): string {
  return ['HTTP/1.1 200 OK', ...fields, '', ''].join('\r\n')
}
