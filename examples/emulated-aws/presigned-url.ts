import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import type { ReceivedRequest } from './received-request.js'
import { parseAmzDate, type SignatureClaim } from './signature.js'

/** The query parameters that signing adds, which are not there when the URL is signed. */
const ADDED_BY_SIGNING: readonly string[] = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-Security-Token',
  'X-Amz-SignedHeaders',
  'X-Amz-Signature',
]

const PAYLOAD_HASH = 'x-amz-content-sha256'

/** Reads the claim in the request's query. Returns `undefined` if it is not a presigned URL. */
export function readPresignedClaim({ query }: ReceivedRequest): SignatureClaim | undefined {
  const [, accessKeyId, region, service] =
    /^([^/]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request$/.exec(query['X-Amz-Credential'] ?? '') ?? []
  const signedAt = parseAmzDate(query['X-Amz-Date'] ?? '')
  const expiresIn = Number(query['X-Amz-Expires'])
  if (accessKeyId === undefined || region === undefined || service === undefined) return undefined
  if (Number.isNaN(signedAt) || Number.isNaN(expiresIn)) return undefined
  const signedHeaders = (query['X-Amz-SignedHeaders'] ?? '').split(';')
  const sessionToken = query['X-Amz-Security-Token']
  return { accessKeyId, sessionToken, region, service, signedHeaders, signedAt, expiresIn }
}

/** Whether presigning the same request with this secret gives the same signature. */
export async function isPresignedWith(
  secretAccessKey: string,
  { accessKeyId, sessionToken, region, service, signedHeaders, signedAt, expiresIn }: SignatureClaim,
  request: ReceivedRequest,
): Promise<boolean> {
  if (!signedHeaders.includes('host')) return false
  const signer = new SignatureV4({
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    region,
    service,
    sha256: Sha256,
    uriEscapePath: service !== 's3',
    applyChecksum: false,
  })
  const again = await signer.presign(requestToPresign(signedHeaders, service, request), {
    signingDate: new Date(signedAt),
    unhoistableHeaders: new Set([PAYLOAD_HASH]),
    unsignableHeaders: new Set([PAYLOAD_HASH]),
    ...(expiresIn !== undefined && { expiresIn }),
  })
  return again.query?.['X-Amz-Signature'] === request.query['X-Amz-Signature']
}

function requestToPresign(
  signedHeaders: readonly string[],
  service: string,
  { method, path, query, headers }: ReceivedRequest,
) {
  const unsigned = Object.entries(query).filter(([name]) => !ADDED_BY_SIGNING.includes(name))
  const signed = Object.entries(headers).filter(([name]) => signedHeaders.includes(name))
  return {
    method,
    protocol: 'https:',
    hostname: headers['host'] ?? '',
    path,
    query: Object.fromEntries(unsigned),
    // With S3, the signature of a presigned URL does not cover the payload. Other services have none here.
    headers: {
      ...Object.fromEntries(signed),
      ...(service === 's3' && { [PAYLOAD_HASH]: 'UNSIGNED-PAYLOAD' }),
    },
  }
}
