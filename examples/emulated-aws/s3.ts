import type { ReceivedRequest } from './received-request.js'
import {
  type Answer,
  type ErrorReport,
  type ErrorReports,
  escapeXml,
  MISMATCHED,
  type Service,
  SKEWED,
} from './service.js'

const XML = { 'content-type': 'application/xml' }

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const REPORTS: ErrorReports = {
  unsigned: { status: 403, code: 'AccessDenied', message: 'Access Denied' },
  'unknown-key': {
    status: 403,
    code: 'InvalidAccessKeyId',
    message: 'The AWS Access Key Id you provided does not exist in our records.',
  },
  'wrong-token': {
    status: 400,
    code: 'InvalidToken',
    message: 'The provided token is malformed or otherwise invalid.',
  },
  expired: { status: 400, code: 'ExpiredToken', message: 'The provided token has expired.' },
  'url-expired': { status: 403, code: 'AccessDenied', message: 'Request has expired' },
  'clock-skewed': { status: 403, code: 'RequestTimeTooSkewed', message: SKEWED },
  'wrong-signature': { status: 403, code: 'SignatureDoesNotMatch', message: MISMATCHED },
}

const NO_SUCH_KEY: ErrorReport = {
  status: 404,
  code: 'NoSuchKey',
  message: 'The specified key does not exist.',
}

const NOT_IMPLEMENTED: ErrorReport = { status: 501, code: 'NotImplemented', message: 'Not played here.' }

/** `ListBuckets`, `PutObject` and `GetObject`, in memory; the bucket is in the path or in the host. */
export function createS3(): Service {
  const objects = new Map<string, Buffer>()
  return {
    operationOf: (request) => {
      const { method } = request
      if (placeOf(request) === '/') return method === 'GET' ? 'ListBuckets' : 'Unknown'
      return { GET: 'GetObject', PUT: 'PutObject' }[method] ?? 'Unknown'
    },
    answer: (operation, request, caller) => {
      switch (operation) {
        case 'ListBuckets':
          return listBuckets(caller.accountId, objects.keys())
        case 'PutObject':
          objects.set(placeOf(request), payloadOf(request))
          return { status: 200, headers: { etag: '"0"' }, body: '' }
        case 'GetObject':
          return getObject(objects.get(placeOf(request)))
        default:
          return report(NOT_IMPLEMENTED)
      }
    },
    refuse: (refusal) => report(REPORTS[refusal]),
  }
}

/** Returns `/bucket/key` for both styles of URL. */
function placeOf({ headers, path }: ReceivedRequest): string {
  const [, bucket] = /^(.+)\.s3\./.exec(headers['host'] ?? '') ?? []
  return bucket === undefined ? path : `/${bucket}${path}`
}

function listBuckets(accountId: string, paths: Iterable<string>): Answer {
  const names = new Set([...paths].map((path) => path.split('/')[1] ?? ''))
  const buckets = [...names].map((name) => `<Bucket><Name>${escapeXml(name)}</Name></Bucket>`).join('')
  const owner = `<Owner><ID>${accountId}</ID></Owner>`
  return {
    status: 200,
    headers: XML,
    body: `<ListAllMyBucketsResult>${owner}<Buckets>${buckets}</Buckets></ListAllMyBucketsResult>`,
  }
}

function getObject(object: Buffer | undefined): Answer {
  return object === undefined ? report(NO_SUCH_KEY) : { status: 200, body: object }
}

function report({ status, code, message }: ErrorReport): Answer {
  const error = `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`
  return { status, headers: XML, body: error }
}

/** Returns the object in a `PutObject` body, without its `aws-chunked` encoding. */
function payloadOf({ headers, body }: ReceivedRequest): Buffer {
  return headers['content-encoding']?.includes('aws-chunked') === true ? unchunk(body) : body
}

function unchunk(body: Buffer): Buffer {
  const chunks: Buffer[] = []
  let at = 0
  for (;;) {
    const endOfSize = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, endOfSize), 16)
    if (endOfSize === -1 || !(size > 0)) return Buffer.concat(chunks)
    const start = endOfSize + 2
    chunks.push(body.subarray(start, start + size))
    at = start + size + 2
  }
}
