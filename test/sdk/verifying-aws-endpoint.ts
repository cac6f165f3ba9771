import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { createDynamoDb, createSsm } from './aws/json-service.js'
import { type ReceivedRequest, receive } from './aws/received-request.js'
import { createS3 } from './aws/s3.js'
import type { Answer, Service } from './aws/service.js'
import { createSts } from './aws/sts.js'
import { type FindCredentials, type Verdict, verify } from './aws/verdict.js'

export { type FindCredentials, type IssuedCredentials } from './aws/verdict.js'

export interface VerifyingAwsEndpointOptions {
  /** The credentials behind an access key, as the issuer's own books have them. */
  readonly findCredentials: FindCredentials
  /** AWS's clock, in epoch milliseconds. */
  readonly now?: () => number
}

/** What the endpoint keeps of a request; never the secret, never the session token. */
export interface RecordedRequest {
  /** When it was judged, in epoch milliseconds. */
  readonly at: number
  readonly service: string
  readonly operation: string
  readonly accessKeyId: string | undefined
  readonly verdict: Verdict['word']
  readonly userAgent: string
}

export interface VerifyingAwsEndpoint {
  readonly url: string
  readonly requests: readonly RecordedRequest[]
  close(): Promise<void>
}

/**
 * S3, STS, DynamoDB and SSM on one loopback port: enough of each for a real client, and as strict about who calls
 * as AWS is. A request is answered only if its signature, its session token and its credentials' expiration hold.
 */
export async function startVerifyingAwsEndpoint({
  findCredentials,
  now = () => Date.now(),
}: VerifyingAwsEndpointOptions): Promise<VerifyingAwsEndpoint> {
  const requests: RecordedRequest[] = []
  const s3 = createS3()
  const sts = createSts(now)
  const services = new Map<string, Service>([
    ['s3', s3],
    ['sts', sts],
    ['dynamodb', createDynamoDb()],
    ['ssm', createSsm()],
  ])

  const handle = async (request: ReceivedRequest): Promise<Answer> => {
    const at = now()
    const verdict = await verify(request, (key) => findCredentials(key) ?? sts.findIssued(key), at)
    const name = verdict.claim?.service ?? 's3'
    const service = services.get(name) ?? s3
    const operation = service.operationOf(request)
    requests.push({ at, service: name, operation, ...witnessed(request, verdict) })
    if (verdict.word !== 'accepted') return service.refuse(verdict.word)
    return service.answer(operation, request, verdict.caller)
  }

  const server = createServer((incoming, response) => {
    receive(incoming)
      .then(handle)
      .catch((): Answer => ({ status: 500, body: '' }))
      .then((answer) => send(response, answer, now()))
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

function witnessed(request: ReceivedRequest, { word, claim }: Verdict) {
  return { accessKeyId: claim?.accessKeyId, verdict: word, userAgent: request.headers['user-agent'] ?? '' }
}

function send(response: ServerResponse, { status, headers, body }: Answer, now: number): void {
  // Clients correct their own clock by this header, so it has to come from the same clock as the verdicts.
  response.writeHead(status, { date: new Date(now).toUTCString(), ...headers })
  response.end(body)
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port')
  return address.port
}
