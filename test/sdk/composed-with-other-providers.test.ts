import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { createCredentialChain, fromEnv, fromTemporaryCredentials } from '@aws-sdk/credential-providers'
import type { AwsCredentialIdentityProvider } from '@aws-sdk/types'
import { expect, onTestFinished, test, vi } from 'vitest'
import { fromInstanceRole } from '../../src/index.js'
import { HOUR_MS, setUp } from './application-on-ec2.js'
import { call, createClients, REGION } from './clients.js'

function stubEnvironment(variables: Readonly<Record<string, string | undefined>>) {
  onTestFinished(() => void vi.unstubAllEnvs())
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
}

function clientsWith(url: string, credentials: AwsCredentialIdentityProvider) {
  const clients = createClients(url, credentials)
  onTestFinished(() => clients.destroy())
  return clients
}

test('returns complete credentials to a plain caller, with the endpoint from the environment', async () => {
  const { endpoint, instance } = await setUp()
  stubEnvironment({ AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint })
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = instance.credentials ?? {}
  expect(await fromInstanceRole()()).toMatchObject({
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiration,
    $source: { CREDENTIALS_IMDS: '0' },
  })
})

test('is used if the environment has no credentials', async () => {
  const { aws, credentials, instance } = await setUp()
  stubEnvironment({ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined })
  await call(clientsWith(aws.url, createCredentialChain(fromEnv(), credentials)), 's3')
  expect(aws.requests).toEqual([
    expect.objectContaining({ accessKeyId: instance.credentials?.accessKeyId, verdict: 'accepted' }),
  ])
})

test('is not used if the environment has credentials', async () => {
  const { aws, credentials, instance } = await setUp()
  stubEnvironment({ AWS_ACCESS_KEY_ID: 'AKIAEXAMPLEENV', AWS_SECRET_ACCESS_KEY: 'of the environment' })
  const clients = clientsWith(aws.url, createCredentialChain(fromEnv(), credentials))
  await expect(call(clients, 's3')).rejects.toMatchObject({ name: 'InvalidAccessKeyId' })
  expect(aws.requests).toEqual([expect.objectContaining({ accessKeyId: 'AKIAEXAMPLEENV' })])
  expect(instance.requests).toEqual([])
})

const AFTER_US = { accessKeyId: 'AKIAEXAMPLENEXT', secretAccessKey: 'of the next provider' }

test('lets a chain go on if the instance has no role', async () => {
  const { credentials, instance } = await setUp()
  instance.disassociateProfile()
  const chain = createCredentialChain(credentials, () => Promise.resolve(AFTER_US))
  expect(await chain()).toMatchObject(AFTER_US)
})

test('stops a chain if the configured role is not the attached one', async () => {
  const { credentials } = await setUp({ roleName: 'misspelt' })
  const chain = createCredentialChain(credentials, () => Promise.resolve(AFTER_US))
  await expect(chain()).rejects.toMatchObject({ name: 'InstanceRoleError', code: 'ROLE_NOT_FOUND' })
})

test('signs AssumeRole as the master credentials of temporary credentials', async () => {
  const { aws, credentials, instance } = await setUp()
  const temporary = fromTemporaryCredentials({
    masterCredentials: credentials,
    params: { RoleArn: 'arn:aws:iam::210987654321:role/reader' },
    clientConfig: { endpoint: aws.url, region: REGION },
  })
  await call(clientsWith(aws.url, temporary), 's3')
  const [assume, list] = aws.requests
  expect(assume).toMatchObject({
    operation: 'AssumeRole',
    accessKeyId: instance.credentials?.accessKeyId,
    verdict: 'accepted',
    userAgent: expect.stringMatching(/ m\/(?:[^ ]+,)?0(?:,|$)/) as unknown,
  })
  expect(list).toMatchObject({ operation: 'ListBuckets', verdict: 'accepted' })
  expect(list?.accessKeyId).not.toBe(assume?.accessKeyId)
})

test("signs the next AssumeRole with the role's newer credentials", async () => {
  const { aws, clock, credentials, instance } = await setUp()
  const temporary = fromTemporaryCredentials({
    masterCredentials: credentials,
    params: { RoleArn: 'arn:aws:iam::210987654321:role/reader' },
    clientConfig: { endpoint: aws.url, region: REGION },
  })
  const s3 = new S3Client({ endpoint: aws.url, region: REGION, credentials: temporary, forcePathStyle: true })
  onTestFinished(() => s3.destroy())
  await s3.send(new ListBucketsCommand({}))
  await clock.advance(7 * HOUR_MS)
  await s3.send(new ListBucketsCommand({}))
  const assumed = aws.requests.filter(({ operation }) => operation === 'AssumeRole')
  expect(assumed.at(-1)).toMatchObject({
    accessKeyId: instance.credentials?.accessKeyId,
    verdict: 'accepted',
  })
  expect(assumed.at(-1)?.accessKeyId).not.toBe(assumed[0]?.accessKeyId)
})
