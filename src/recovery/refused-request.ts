/** The credentials have expired. */
const EXPIRED: ReadonlySet<unknown> = new Set([
  // S3, STS. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
  'ExpiredToken',
  // https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
  'ExpiredTokenException',
  // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html#CommonErrors
  'RequestExpired',
])

/** The service does not know the credentials: they are revoked, or so new that the service does not know them yet. */
const UNKNOWN: ReadonlySet<unknown> = new Set([
  // https://docs.aws.amazon.com/emr/latest/APIReference/CommonErrors.html
  'InvalidClientTokenId',
  // EC2. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html#CommonErrors
  'AuthFailure',
  // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
  'UnrecognizedClientException',
  // S3, for a wrong access key and a wrong session token.
  // https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
  'InvalidAccessKeyId',
  'InvalidToken',
])

/** Why a service refused the credentials of a request. */
export type Refusal = 'expired' | 'unknown'

/** Returns `undefined` if the error is about something else, or if the client's own retries will fix it. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (typeof error !== 'object' || error === null || !('name' in error)) return undefined
  // Services also return `RequestExpired` for a wrong clock. The SDK has then corrected the clock and retries.
  if (isClockCorrected(error)) return undefined
  if (EXPIRED.has(error.name)) return 'expired'
  return UNKNOWN.has(error.name) ? 'unknown' : undefined
}

function isClockCorrected(error: object): boolean {
  if (!('$metadata' in error) || typeof error.$metadata !== 'object' || error.$metadata === null) return false
  return 'clockSkewCorrected' in error.$metadata && error.$metadata.clockSkewCorrected === true
}

/** Returns the access key in the `Authorization` header of Signature Version 4 or 4A. */
export function signerOf(request: unknown): string | undefined {
  if (typeof request !== 'object' || request === null || !('headers' in request)) return undefined
  const { headers } = request
  if (typeof headers !== 'object' || headers === null || !('authorization' in headers)) return undefined
  return /^AWS4-\S+ Credential=([^/,]+)\//.exec(String(headers.authorization))?.[1]
}

/** Whether the body can be sent again: only one in memory can, a stream cannot. */
export function isReplayable(request: unknown): boolean {
  const body = typeof request === 'object' && request !== null && 'body' in request ? request.body : undefined
  if (body === undefined || body === null || typeof body === 'string') return true
  return ArrayBuffer.isView(body) || Object.prototype.toString.call(body) === '[object ArrayBuffer]'
}
