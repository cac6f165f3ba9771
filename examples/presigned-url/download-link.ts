import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { InstanceRoleProvider } from 'instance-role'

export interface DownloadLink {
  readonly url: string
  /** In whole seconds. Less than requested if the credentials expire earlier. */
  readonly expiresIn: number
}

/**
 * Creates a link with which anybody can download the object.
 *
 * The link ends when the credentials that signed it expire, whatever its own lifetime. So `minTtl` asks for credentials that live
 * as long as the link; if EC2 has none, the link says when it really ends.
 */
export async function createDownloadLink(
  { s3, credentials }: { s3: S3Client; credentials: InstanceRoleProvider },
  object: { Bucket: string; Key: string },
  wishedSeconds: number,
): Promise<DownloadLink> {
  const { expiration, originalExpiration = expiration } = await credentials({ minTtl: wishedSeconds * 1_000 })
  const secondsLeft = Math.floor((originalExpiration.getTime() - Date.now()) / 1_000)
  if (secondsLeft < 1)
    throw new Error('The credentials have ended, and IMDS has no newer ones: no link can hold')
  const expiresIn = Math.min(wishedSeconds, secondsLeft)
  return { url: await getSignedUrl(s3, new GetObjectCommand(object), { expiresIn }), expiresIn }
}
