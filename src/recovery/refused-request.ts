import { memberOf } from '../runtime/member-of.js'

/** Why a service refused the credentials of a request. `unknown` ones are revoked, or so new that the service does not know them yet. */
export type Refusal = 'expired' | 'unknown'

/** By the name of the service's error. */
const REFUSALS: ReadonlyMap<unknown, Refusal> = new Map([
  // S3, STS. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
  ['ExpiredToken', 'expired'],
  // https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
  ['ExpiredTokenException', 'expired'],
  // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html#CommonErrors
  ['RequestExpired', 'expired'],
  // https://docs.aws.amazon.com/emr/latest/APIReference/CommonErrors.html
  ['InvalidClientTokenId', 'unknown'],
  // EC2. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html#CommonErrors
  ['AuthFailure', 'unknown'],
  // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
  ['UnrecognizedClientException', 'unknown'],
  // S3, for a wrong access key and a wrong session token.
  // https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
  ['InvalidAccessKeyId', 'unknown'],
  ['InvalidToken', 'unknown'],
])

/** Returns `undefined` if the error is about something else, or if the client's own retries will fix it. */
export function refusalOf(error: unknown): Refusal | undefined {
  // Services also return `RequestExpired` for a wrong clock. The SDK has then corrected the clock and retries.
  const isClockCorrected = memberOf(memberOf(error, '$metadata'), 'clockSkewCorrected') === true
  return isClockCorrected ? undefined : REFUSALS.get(memberOf(error, 'name'))
}

/** Returns the access key in the `Authorization` header of Signature Version 4 or 4A. */
export function signerOf(request: unknown): string | undefined {
  const authorization = memberOf(memberOf(request, 'headers'), 'authorization')
  return /^AWS4-\S+ Credential=([^/,]+)\//.exec(String(authorization))?.[1]
}

/** Whether the body can be sent again: only one in memory can, a stream cannot. */
export function isReplayable(request: unknown): boolean {
  const body = memberOf(request, 'body') ?? ''
  if (typeof body === 'string' || ArrayBuffer.isView(body)) return true
  return Object.prototype.toString.call(body) === '[object ArrayBuffer]'
}
