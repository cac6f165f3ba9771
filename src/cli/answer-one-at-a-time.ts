import type { Server } from 'node:http'
import type { Socket } from 'node:net'

const BLANK_LINE = /\n\r?\n/g

/**
 * Makes a server answer 400 to a client that sends a request before the response to its last one. No SDK does that. Node creates
 * objects for all requests that arrive together, up to 64 KiB of them per connection, so a few hundred connections could use up its
 * memory.
 */
export function answerOneAtATime(server: Server): void {
  server.on('connection', (socket: Socket) => {
    // Before the listener of the HTTP server, which gets the same chunk and treats zeros as a malformed request.
    socket.prependListener('data', (chunk: Buffer) => {
      const blankLines = chunk.toString('latin1').match(BLANK_LINE) ?? []
      if (blankLines.length > 1) chunk.fill(0)
    })
  })
}
