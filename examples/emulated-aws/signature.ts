import { createHash } from 'node:crypto'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import type { ReceivedRequest } from './received-request.js'

/** What a request says about its signer and signature, in its `Authorization` header or its query. */
export interface SignatureClaim {
  readonly accessKeyId: string
  readonly sessionToken: string | undefined
  readonly region: string
  readonly service: string
  readonly signedHeaders: readonly string[]
  readonly signedAt: number
  /** For how long a presigned URL claims to be valid, in seconds. */
  readonly expiresIn?: number
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=[0-9a-f]{64}$/

/** Reads the claim in the request's headers. Returns `undefined` if it is not signed with Signature Version 4. */
export function readSignatureClaim(request: ReceivedRequest): SignatureClaim | undefined {
  const [, accessKeyId, region, service, signedHeaders] =
    AUTHORIZATION.exec(request.headers['authorization'] ?? '') ?? []
  const signedAt = parseAmzDate(request.headers['x-amz-date'] ?? '')
  if (accessKeyId === undefined || region === undefined || service === undefined) return undefined
  if (signedHeaders === undefined || Number.isNaN(signedAt)) return undefined
  const sessionToken = request.headers['x-amz-security-token']
  return { accessKeyId, sessionToken, region, service, signedHeaders: signedHeaders.split(';'), signedAt }
}

/** Returns epoch milliseconds for `20261124T110217Z`, and `NaN` for any other text. */
export function parseAmzDate(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (parts === null) return Number.NaN
  const [, year, month, day, hours, minutes, seconds] = parts
  return Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`)
}

/** Whether signing the same request with this secret gives the same signature. */
export async function isSignedWith(
  secretAccessKey: string,
  claim: SignatureClaim,
  request: ReceivedRequest,
): Promise<boolean> {
  if (!signsRequiredHeaders(claim, request) || !matchesSignedPayload(claim, request)) return false
  const signer = new SignatureV4({
    // The session token is signed like any other header. Whether it is the right one is checked elsewhere.
    credentials: { accessKeyId: claim.accessKeyId, secretAccessKey },
    region: claim.region,
    service: claim.service,
    sha256: Sha256,
    uriEscapePath: claim.service !== 's3',
    applyChecksum: false,
  })
  const again = await signer.sign(requestToSign(claim, request), { signingDate: new Date(claim.signedAt) })
  return again.headers['authorization'] === request.headers['authorization']
}

function requestToSign(claim: SignatureClaim, request: ReceivedRequest) {
  const signed = Object.entries(request.headers).filter(([name]) => claim.signedHeaders.includes(name))
  return {
    method: request.method,
    protocol: 'http:',
    hostname: request.headers['host'] ?? '',
    path: request.path,
    query: { ...request.query },
    headers: Object.fromEntries(signed),
    body: request.body,
  }
}

/** AWS requires that `host` and every `x-amz-*` header are signed, so that none can be added on the way. */
function signsRequiredHeaders(claim: SignatureClaim, request: ReceivedRequest): boolean {
  const required = Object.keys(request.headers).filter((name) => name === 'host' || name.startsWith('x-amz-'))
  return required.every((name) => claim.signedHeaders.includes(name))
}

/** The bodies that only S3 accepts without a hash. */
const UNHASHED_PAYLOADS = ['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']

function matchesSignedPayload(claim: SignatureClaim, request: ReceivedRequest): boolean {
  const signedHash = request.headers['x-amz-content-sha256']
  if (signedHash === undefined) return claim.service !== 's3'
  if (claim.service === 's3' && UNHASHED_PAYLOADS.includes(signedHash)) return true
  return signedHash === createHash('sha256').update(request.body).digest('hex')
}
