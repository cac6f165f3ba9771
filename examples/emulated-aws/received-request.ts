import type { IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'

/** An HTTP request as received. The path is not decoded, so that the signature can be checked. */
export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export async function receive(incoming: IncomingMessage): Promise<ReceivedRequest> {
  const [path = '/', query = ''] = (incoming.url ?? '/').split('?', 2)
  return {
    method: incoming.method ?? 'GET',
    path,
    query: Object.fromEntries(new URLSearchParams(query)),
    headers: singleValued(incoming.headers),
    body: await buffer(incoming),
  }
}

function singleValued(headers: IncomingMessage['headers']): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    [value].flat().join(','),
  ])
  return Object.fromEntries(entries)
}
