import { isPresignedWith, readPresignedClaim } from './presigned-url.js'
import type { ReceivedRequest } from './received-request.js'
import { isSignedWith, readSignatureClaim, type SignatureClaim } from './signature.js'

/** Credentials that AWS has issued. */
export interface IssuedCredentials {
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: Date
  readonly roleName: string
  readonly accountId: string
}

export type FindCredentials = (accessKeyId: string) => IssuedCredentials | undefined

export type Refusal =
  'unsigned' | 'unknown-key' | 'wrong-token' | 'expired' | 'url-expired' | 'clock-skewed' | 'wrong-signature'

export type Verdict =
  | { readonly word: 'accepted'; readonly claim: SignatureClaim; readonly caller: IssuedCredentials }
  | { readonly word: Refusal; readonly claim: SignatureClaim | undefined }

/** How far the date of a request may differ from AWS's time. */
const TOLERATED_SKEW_MS = 15 * 60 * 1_000

/** Checks a request at `now` (epoch milliseconds), in the order in which AWS checks it. */
export async function verify(
  request: ReceivedRequest,
  findCredentials: FindCredentials,
  now: number,
): Promise<Verdict> {
  const claim = readSignatureClaim(request) ?? readPresignedClaim(request)
  if (claim === undefined) return { word: 'unsigned', claim }
  const caller = findCredentials(claim.accessKeyId)
  if (caller === undefined) return { word: 'unknown-key', claim }
  if (claim.sessionToken !== caller.sessionToken) return { word: 'wrong-token', claim }
  if (now >= caller.expiration.getTime()) return { word: 'expired', claim }
  const untimely = judgeTime(claim, now)
  if (untimely !== undefined) return { word: untimely, claim }
  const isSigned = claim.expiresIn === undefined ? isSignedWith : isPresignedWith
  if (!(await isSigned(caller.secretAccessKey, claim, request))) return { word: 'wrong-signature', claim }
  return { word: 'accepted', claim, caller }
}

function judgeTime({ signedAt, expiresIn }: SignatureClaim, now: number): Refusal | undefined {
  if (signedAt - now > TOLERATED_SKEW_MS) return 'clock-skewed'
  if (expiresIn !== undefined) return now >= signedAt + expiresIn * 1_000 ? 'url-expired' : undefined
  return now - signedAt > TOLERATED_SKEW_MS ? 'clock-skewed' : undefined
}
