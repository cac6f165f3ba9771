import net, { type AddressInfo } from 'node:net'

/** A server that does with each connection what a test wants: what no HTTP server can be made to do. */
export interface RawServer extends AsyncDisposable {
  readonly endpoint: string
  readonly port: number
  /** What each connection has sent so far. */
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

/** The head of a 200 answer. */
export function head(...fields: readonly string[]): string {
  return ['HTTP/1.1 200 OK', ...fields, '', ''].join('\r\n')
}
