import type { Server } from 'node:http'
import type { Socket } from 'node:net'

const BLANK_LINE = /\n\r?\n/g

/**
 * Have a server refuse, with 400, whoever sends the next request before the response to the last. No SDK does. Node makes objects of all
 * requests that arrive together, up to 64 KiB of them from each connection, and some hundred connections would use up its memory.
 */
export function answerOneAtATime(server: Server): void {
  server.on('connection', (socket: Socket) => {
    // Before the listener of the HTTP server, which gets the same chunk: it takes zeros for a malformed request.
    socket.prependListener('data', (chunk: Buffer) => {
      const blankLines = chunk.toString('latin1').match(BLANK_LINE) ?? []
      if (blankLines.length > 1) chunk.fill(0)
    })
  })
}
