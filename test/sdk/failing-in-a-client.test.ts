import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@aws-sdk/types'
import { expect, onTestFinished, test } from 'vitest'
import { fromInstanceRole, InstanceRoleError } from '../../src/index.js'
import type { Fault } from '../../src/testing/index.js'
import { LISTING, setUp, TOKEN } from './application-on-ec2.js'
import { call, REGION, SERVICE_NAMES } from './clients.js'

const failureOf = (sent: Promise<unknown>): Promise<unknown> => sent.catch((error: unknown) => error)

test.each(SERVICE_NAMES)('reaches the caller of %s unchanged, with code and fix', async (service) => {
  const { aws, clients, instance } = await setUp()
  instance.disassociateProfile()
  const failure = await failureOf(call(clients, service))
  expect(failure).toBeInstanceOf(InstanceRoleError)
  expect(failure).toMatchObject({
    code: 'NO_ROLE',
    step: 'role',
    message: expect.stringContaining('associate-iam-instance-profile') as unknown,
  })
  expect(aws.requests).toEqual([])
  expect(instance.requests).toEqual([TOKEN, LISTING.replace('200', '404')])
})

/**
 * What comes of a call whose credentials fail when it is to be signed, and how often it asked for credentials.
 *
 * A client asks twice: to choose how to sign, which succeeds here, and to sign, inside its retry loop.
 */
async function failToSign(url: string, good: AwsCredentialIdentity, failing: AwsCredentialIdentityProvider) {
  let asked = 0
  const credentials = () => {
    asked += 1
    return asked === 1 ? Promise.resolve(good) : failing()
  }
  const s3 = new S3Client({
    endpoint: url,
    region: REGION,
    credentials: Object.assign(credentials, { memoized: true }),
  })
  onTestFinished(() => s3.destroy())
  return { failure: await failureOf(s3.send(new ListBucketsCommand({}))), asked }
}

const FAULTS: readonly (readonly [string, Fault])[] = [
  ['a reset connection', 'reset'],
  ['an answer broken off', 'reset-mid-body'],
  ['silence', 'silence'],
  ['throttling', { status: 429 }],
  ['an error of IMDS', { status: 503 }],
  ['a refusal', { status: 403 }],
]

test.each(FAULTS)('gives the SDK no reason to repeat the call after %s', async (_, fault) => {
  const { aws, credentials, endpoint, instance } = await setUp()
  const good = await credentials()
  instance.failUntilLifted('all', fault)
  const failing = fromInstanceRole({ endpoint, isolated: true })
  const { failure, asked } = await failToSign(aws.url, good, failing)
  expect(failure).toBeInstanceOf(InstanceRoleError)
  expect(asked).toBe(2)
})

test('gives the SDK no reason to repeat the call if nobody listens', async () => {
  const { aws, credentials, instance } = await setUp()
  const good = await credentials()
  const server = await instance.listen()
  await server.close()
  const failing = fromInstanceRole({ endpoint: server.endpoint, isolated: true })
  const { failure, asked } = await failToSign(aws.url, good, failing)
  expect(failure).toMatchObject({ name: 'InstanceRoleError', code: 'UNREACHABLE' })
  expect(asked).toBe(2)
})

test('lets the next call succeed when the role is there', async () => {
  const { clients, instance } = await setUp()
  const { profile } = instance
  instance.disassociateProfile()
  await expect(call(clients, 's3')).rejects.toMatchObject({ code: 'NO_ROLE' })
  if (profile !== undefined) instance.associateProfile(profile)
  await expect(call(clients, 's3')).resolves.toBeDefined()
})
