import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Keep a server at `most` connections or fewer: a new one ends the connection that has waited longest without a request in progress. So whoever
 * holds many connections open, or sends requests slowly, does not lock others out.
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
