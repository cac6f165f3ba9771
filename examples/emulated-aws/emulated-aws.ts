import { createBedrock } from './bedrock.js'
import { createDynamoDb, createSsm } from './json-service.js'
import type { ReceivedRequest } from './received-request.js'
import { createS3 } from './s3.js'
import type { Answer, Service } from './service.js'
import { createSts } from './sts.js'
import { type FindCredentials, type Verdict, verify } from './verdict.js'

export interface EmulatedAwsOptions {
  /** Finds the issued credentials of an access key. */
  readonly findCredentials: FindCredentials
  /** AWS's clock, in epoch milliseconds. */
  readonly now?: () => number
}

/** The record of a request. It contains no secret and no session token. */
export interface RecordedRequest {
  /** When it was checked, in epoch milliseconds. */
  readonly at: number
  readonly host: string
  readonly service: string
  readonly operation: string
  readonly accessKeyId: string | undefined
  readonly verdict: Verdict['word']
  readonly userAgent: string
}

export interface EmulatedAws {
  readonly requests: readonly RecordedRequest[]
  readonly answer: (request: ReceivedRequest) => Promise<Answer>
}

/**
 * S3, STS, DynamoDB, SSM and Bedrock: enough of each for a real client, and as strict about credentials as AWS. A request is
 * answered only if its signature and session token are right and its credentials have not expired.
 */
export function createEmulatedAws({
  findCredentials,
  now = () => Date.now(),
}: EmulatedAwsOptions): EmulatedAws {
  const requests: RecordedRequest[] = []
  const s3 = createS3()
  const sts = createSts(now)
  const services = new Map<string, Service>([
    ['s3', s3],
    ['sts', sts],
    ['dynamodb', createDynamoDb()],
    ['ssm', createSsm()],
    ['bedrock', createBedrock()],
  ])

  const answer = async (request: ReceivedRequest): Promise<Answer> => {
    const at = now()
    const verdict = await verify(request, (key) => findCredentials(key) ?? sts.findIssued(key), at)
    const name = verdict.claim?.service ?? 's3'
    const service = services.get(name) ?? s3
    const operation = service.operationOf(request)
    requests.push({ at, service: name, operation, ...describe(request, verdict) })
    const { status, headers, body } =
      verdict.word === 'accepted'
        ? service.answer(operation, request, verdict.caller)
        : service.refuse(verdict.word)
    // Clients correct their clock by this header, so it comes from the clock that checked the request.
    return { status, headers: { date: new Date(at).toUTCString(), ...headers }, body }
  }
  return { requests, answer }
}

function describe({ headers }: ReceivedRequest, { word, claim }: Verdict) {
  return {
    host: headers['host'] ?? '',
    accessKeyId: claim?.accessKeyId,
    verdict: word,
    userAgent: headers['user-agent'] ?? '',
  }
}
