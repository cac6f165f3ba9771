import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Limits the connections of a server to `most`: a new connection closes the one that has waited longest without a request in
 * progress. So a client that holds many connections open, or sends requests slowly, does not lock out others.
 */
export function limitConnections(server: Server, most: number): void {
  /** Connections without a request in progress, the oldest first. */
  const idle = new Set<Socket>()
  let open = 0
  server.on('connection', (socket: Socket) => {
    open += 1
    idle.add(socket)
    socket.once('close', () => {
      open -= 1
      idle.delete(socket)
    })
    const [oldest] = idle
    if (open > most) oldest?.destroy()
  })
  server.on('request', ({ socket }, response) => {
    idle.delete(socket)
    response.once('finish', () => {
      if (!socket.destroyed) idle.add(socket)
    })
  })
}
