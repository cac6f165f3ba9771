import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { createEmulatedAws, type EmulatedAwsOptions, type RecordedRequest } from './emulated-aws.js'
import { receive } from './received-request.js'
import type { Answer } from './service.js'

export { type RecordedRequest } from './emulated-aws.js'
export { type FindCredentials, type IssuedCredentials } from './verdict.js'

export interface VerifyingAwsEndpoint {
  readonly url: string
  readonly requests: readonly RecordedRequest[]
  close(): Promise<void>
}

/** Starts the emulated AWS, with all its services on one loopback port. */
export async function startVerifyingAwsEndpoint(options: EmulatedAwsOptions): Promise<VerifyingAwsEndpoint> {
  const { requests, answer } = createEmulatedAws(options)
  const server = createServer((incoming, response) => {
    receive(incoming)
      .then(answer)
      .catch((): Answer => ({ status: 500, body: '' }))
      .then((given) => send(response, given))
      .catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    requests,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers)
  response.end(body)
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port')
  return address.port
}
