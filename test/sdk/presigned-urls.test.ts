import { GetObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { expect, test } from 'vitest'
import type { InstanceRoleOptions } from '../../src/index.js'
import { DOCUMENT, HOUR_MS, setUp } from './application-on-ec2.js'

/** As docs/presigned-urls.md has it: a URL for an hour, or for as long as the credentials live. */
async function setUpPresigning(options: InstanceRoleOptions) {
  const application = await setUp(options)
  const { clients, clock, credentials } = application
  const presign = async () => {
    const { expiration, originalExpiration } = await credentials()
    const secondsLeft = Math.floor(((originalExpiration ?? expiration).getTime() - clock.now()) / 1_000)
    const expiresIn = Math.min(3_600, secondsLeft)
    const url = await getSignedUrl(clients.s3, new GetObjectCommand({ Bucket: 'b', Key: 'k' }), { expiresIn })
    const { searchParams } = new URL(url)
    return {
      signer: searchParams.get('X-Amz-Credential')?.split('/')[0],
      expiresIn: Number(searchParams.get('X-Amz-Expires')),
    }
  }
  await presign()
  application.instance.clearRequests()
  return { ...application, presign }
}

test('signs a URL with credentials that live longer, if the cached ones expire within minTtl', async () => {
  const { clock, instance, presign } = await setUpPresigning({ minTtl: 5 * HOUR_MS })
  await clock.advance(1.5 * HOUR_MS)
  expect(await presign()).toEqual({ signer: instance.credentials?.accessKeyId, expiresIn: 3_600 })
  expect(instance.requests).toEqual([DOCUMENT])
})

test('says how long a URL is valid, if IMDS has no newer credentials', async () => {
  const { clock, credentials, instance, presign } = await setUpPresigning({ minTtl: HOUR_MS })
  const { accessKeyId, expiration } = await credentials()
  instance.failUntilLifted('all', { status: 503 })
  await clock.advance(expiration.getTime() - clock.now() - 600_000)
  const { signer, expiresIn } = await presign()
  expect(signer).toBe(accessKeyId)
  // The try for a newer set took some of it.
  expect(expiresIn).toBe(Math.floor((expiration.getTime() - clock.now()) / 1_000))
  expect(expiresIn).toBeLessThan(600)
})
