import { Readable } from 'node:stream'
import { Sha256 } from '@aws-crypto/sha256-js'
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { GetObjectCommand, ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { GetParameterCommand, GetParametersByPathCommand, PutParameterCommand } from '@aws-sdk/client-ssm'
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { AwsCredentialIdentity } from '@aws-sdk/types'
import { SignatureV4 } from '@smithy/signature-v4'
import { expect, onTestFinished, test } from 'vitest'
import { call, callEach, createClients, REGION, SERVICE_NAMES, type ServiceName } from './clients.js'
import {
  type RecordedRequest,
  startVerifyingAwsEndpoint,
} from '../../examples/emulated-aws/verifying-aws-endpoint.js'

const NOW = Date.now()

const GOOD = {
  accessKeyId: 'ASIAEXAMPLEGOOD',
  secretAccessKey: 'the right secret',
  sessionToken: 'the+right/token=',
}
const OLD = { accessKeyId: 'ASIAEXAMPLEOLD', secretAccessKey: 'an old secret', sessionToken: 'an old token' }
const BRIEF = {
  accessKeyId: 'ASIAEXAMPLEBRIEF',
  secretAccessKey: 'a brief secret',
  sessionToken: 'a brief token',
}
const BRIEF_EXPIRES_AT = NOW + 60_000
const BOOKS = [
  { ...BRIEF, expiration: new Date(BRIEF_EXPIRES_AT), roleName: 'app-role', accountId: '123456789012' },
  { ...GOOD, expiration: new Date(NOW + 3_600_000), roleName: 'app-role', accountId: '123456789012' },
  { ...OLD, expiration: new Date(NOW - 1), roleName: 'app-role', accountId: '123456789012' },
]

async function setup(credentials: AwsCredentialIdentity = GOOD, now = () => NOW) {
  const aws = await startVerifyingAwsEndpoint({
    findCredentials: (accessKeyId) => BOOKS.find((entry) => entry.accessKeyId === accessKeyId),
    now,
  })
  const clients = createClients(aws.url, credentials)
  onTestFinished(async () => {
    clients.destroy()
    await aws.close()
  })
  return { aws, clients }
}

const wordsOf = (requests: readonly RecordedRequest[]) => requests.map(({ verdict }) => verdict)

test.each(SERVICE_NAMES)('accepts a %s call that is signed with issued credentials', async (service) => {
  const { aws, clients } = await setup()
  await call(clients, service)
  expect(aws.requests).toEqual([
    expect.objectContaining({ service, accessKeyId: GOOD.accessKeyId, verdict: 'accepted' }),
  ])
})

const FLAWS = {
  'unknown-key': { ...GOOD, accessKeyId: 'ASIAEXAMPLENOBODY' },
  'wrong-signature': { ...GOOD, secretAccessKey: 'the wrong secret' },
  'wrong-token': { ...GOOD, sessionToken: 'the wrong token' },
  expired: OLD,
}

const REFUSALS: readonly (readonly [ServiceName, keyof typeof FLAWS, string])[] = [
  ['s3', 'unknown-key', 'InvalidAccessKeyId'],
  ['s3', 'wrong-signature', 'SignatureDoesNotMatch'],
  ['s3', 'wrong-token', 'InvalidToken'],
  ['s3', 'expired', 'ExpiredToken'],
  ['sts', 'unknown-key', 'InvalidClientTokenId'],
  ['sts', 'wrong-signature', 'SignatureDoesNotMatch'],
  ['sts', 'wrong-token', 'InvalidClientTokenId'],
  ['sts', 'expired', 'ExpiredToken'],
  ['dynamodb', 'unknown-key', 'UnrecognizedClientException'],
  ['dynamodb', 'wrong-signature', 'InvalidSignatureException'],
  ['dynamodb', 'wrong-token', 'UnrecognizedClientException'],
  ['dynamodb', 'expired', 'ExpiredTokenException'],
  ['ssm', 'unknown-key', 'UnrecognizedClientException'],
  ['ssm', 'wrong-signature', 'InvalidSignatureException'],
  ['ssm', 'wrong-token', 'UnrecognizedClientException'],
  ['ssm', 'expired', 'ExpiredTokenException'],
]

test.each(REFUSALS)('%s refuses %s with %s', async (service, flaw, name) => {
  const { aws, clients } = await setup(FLAWS[flaw])
  await expect(call(clients, service)).rejects.toMatchObject({ name })
  expect(wordsOf(aws.requests)).toEqual([flaw])
})

test('refuses a caller that omits the session token', async () => {
  const { accessKeyId, secretAccessKey } = GOOD
  const { aws, clients } = await setup({ accessKeyId, secretAccessKey })
  await expect(call(clients, 's3')).rejects.toMatchObject({ name: 'InvalidToken' })
  expect(wordsOf(aws.requests)).toEqual(['wrong-token'])
})

test('accepts credentials before their expiration, not at it', async () => {
  let now = BRIEF_EXPIRES_AT - 1
  const { aws, clients } = await setup(BRIEF, () => now)
  await call(clients, 'ssm')
  now = BRIEF_EXPIRES_AT
  await expect(call(clients, 'ssm')).rejects.toMatchObject({ name: 'ExpiredTokenException' })
  expect(wordsOf(aws.requests)).toEqual(['accepted', 'expired'])
})

test('refuses a request with a wrong date, and tells the client the right one', async () => {
  const { aws, clients } = await setup(GOOD, () => NOW + 20 * 60_000)
  await call(clients, 'ssm')
  expect(wordsOf(aws.requests)).toEqual(['clock-skewed', 'accepted'])
})

test('refuses a request without a signature', async () => {
  const { aws } = await setup()
  const response = await fetch(aws.url)
  expect(response.status).toBe(403)
  expect(await response.text()).toContain('<Code>AccessDenied</Code>')
  expect(wordsOf(aws.requests)).toEqual(['unsigned'])
})

async function sendSigned(url: string, change: (headers: Record<string, string>) => void, body: string) {
  const { host, hostname } = new URL(url)
  const signer = new SignatureV4({ credentials: GOOD, region: REGION, service: 'ssm', sha256: Sha256 })
  const signed = await signer.sign({
    method: 'POST',
    protocol: 'http:',
    hostname,
    path: '/',
    headers: { host, 'x-amz-target': 'AmazonSSM.GetParameter', 'content-type': 'application/x-amz-json-1.1' },
    body: '{"Name":"/a"}',
  })
  change(signed.headers)
  return fetch(url, { method: 'POST', headers: signed.headers, body })
}

test('accepts the request that was signed', async () => {
  const { aws } = await setup()
  const response = await sendSigned(aws.url, () => {}, '{"Name":"/a"}')
  expect(await response.json()).toMatchObject({ Parameter: { Name: '/a' } })
})

test('refuses a body that was not signed', async () => {
  const { aws } = await setup()
  const response = await sendSigned(aws.url, () => {}, '{"Name":"/b"}')
  expect(response.status).toBe(400)
  expect(wordsOf(aws.requests)).toEqual(['wrong-signature'])
})

test('refuses an AWS header that was changed after signing', async () => {
  const { aws } = await setup()
  await sendSigned(aws.url, (headers) => (headers['x-amz-target'] = 'AmazonSSM.Other'), '{"Name":"/a"}')
  expect(wordsOf(aws.requests)).toEqual(['wrong-signature'])
})

test('refuses an AWS header that was added after signing', async () => {
  const { aws } = await setup()
  await sendSigned(aws.url, (headers) => (headers['x-amz-added'] = 'later'), '{"Name":"/a"}')
  expect(wordsOf(aws.requests)).toEqual(['wrong-signature'])
})

test.each(['plain', 'a b/ü+(1)*~.txt', 'dots/../and//slashes/'])(
  'returns the object that was put at %s',
  async (Key) => {
    const { clients } = await setup()
    await clients.s3.send(new PutObjectCommand({ Bucket: 'reports', Key, Body: 'hello' }))
    const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: 'reports', Key }))
    expect(await Body?.transformToString()).toBe('hello')
  },
)

test('lists the buckets that have objects', async () => {
  const { clients } = await setup()
  await clients.s3.send(new PutObjectCommand({ Bucket: 'reports', Key: 'a', Body: 'hello' }))
  const { Buckets } = await clients.s3.send(new ListBucketsCommand({}))
  expect(Buckets).toEqual([{ Name: 'reports' }])
})

test('returns NoSuchKey for a missing object', async () => {
  const { clients } = await setup()
  const read = clients.s3.send(new GetObjectCommand({ Bucket: 'reports', Key: 'a' }))
  await expect(read).rejects.toMatchObject({ name: 'NoSuchKey' })
})

test('accepts a streamed S3 body that is signed with a trailer instead of a hash', async () => {
  const { clients } = await setup()
  const Body = Readable.from([Buffer.from('hel'), Buffer.from('lo')])
  await clients.s3.send(new PutObjectCommand({ Bucket: 'reports', Key: 'a', Body, ContentLength: 5 }))
  const stored = await clients.s3.send(new GetObjectCommand({ Bucket: 'reports', Key: 'a' }))
  expect(await stored.Body?.transformToString()).toBe('hello')
})

test('accepts a streamed S3 body with an unsigned payload', async () => {
  const { aws, clients } = await setup()
  const s3 = new S3Client({
    endpoint: aws.url,
    region: REGION,
    credentials: GOOD,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  onTestFinished(() => s3.destroy())
  const Body = Readable.from([Buffer.from('hel'), Buffer.from('lo')])
  await s3.send(new PutObjectCommand({ Bucket: 'reports', Key: 'a', Body, ContentLength: 5 }))
  const stored = await clients.s3.send(new GetObjectCommand({ Bucket: 'reports', Key: 'a' }))
  expect(await stored.Body?.transformToString()).toBe('hello')
})

test('refuses a streamed S3 body that is signed with the wrong secret', async () => {
  const { aws, clients } = await setup(FLAWS['wrong-signature'])
  const Body = Readable.from([Buffer.from('hello')])
  const put = clients.s3.send(new PutObjectCommand({ Bucket: 'reports', Key: 'a', Body, ContentLength: 5 }))
  await expect(put).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' })
  expect(wordsOf(aws.requests)).toEqual(['wrong-signature'])
})

test('returns the item that was put in DynamoDB', async () => {
  const { clients } = await setup()
  const Item = { id: { S: '1' }, seen: { N: '7' } }
  await clients.dynamodb.send(new PutItemCommand({ TableName: 'visits', Item }))
  const stored = await clients.dynamodb.send(
    new GetItemCommand({ TableName: 'visits', Key: { id: { S: '1' } } }),
  )
  expect(stored.Item).toEqual(Item)
})

test('answers GetParameter', async () => {
  const { clients } = await setup()
  const { Parameter } = await clients.ssm.send(new GetParameterCommand({ Name: '/app/colour' }))
  expect(Parameter?.Value).toBe('/app/colour')
})

test('names the role behind the key in GetCallerIdentity', async () => {
  const { clients } = await setup()
  const { Account, Arn } = await clients.sts.send(new GetCallerIdentityCommand({}))
  expect(Account).toBe('123456789012')
  expect(Arn).toBe('arn:aws:sts::123456789012:assumed-role/app-role/session')
})

test('accepts credentials of AssumeRole until they expire', async () => {
  let now = NOW
  const { aws, clients } = await setup(GOOD, () => now)
  const { Credentials } = await clients.sts.send(
    new AssumeRoleCommand({
      RoleArn: 'arn:aws:iam::210987654321:role/path/reader',
      RoleSessionName: 'reader',
      DurationSeconds: 900,
    }),
  )
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '', Expiration } = Credentials ?? {}
  expect(Expiration?.getTime()).toBe(NOW + 900_000)
  const assumed = createClients(aws.url, {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
  })
  onTestFinished(() => assumed.destroy())
  await callEach(assumed)
  const { Arn } = await assumed.sts.send(new GetCallerIdentityCommand({}))
  expect(Arn).toBe('arn:aws:sts::210987654321:assumed-role/reader/session')
  now += 900_000
  await expect(call(assumed, 's3')).rejects.toMatchObject({ name: 'ExpiredToken' })
})

async function presign(credentials: AwsCredentialIdentity, now = () => NOW) {
  const { aws, clients } = await setup(credentials, now)
  const object = { Bucket: 'reports', Key: 'a b.txt' }
  const good = createClients(aws.url, GOOD)
  onTestFinished(() => good.destroy())
  await good.s3.send(new PutObjectCommand({ ...object, Body: 'hello' }))
  const url = await getSignedUrl(clients.s3, new GetObjectCommand(object), { expiresIn: 60 })
  return { aws, url }
}

test('accepts a presigned URL until it expires', async () => {
  let now = NOW
  const { aws, url } = await presign(GOOD, () => now)
  const response = await fetch(url)
  expect(await response.text()).toBe('hello')
  // The SDK signs by the real clock, which has gone on meanwhile.
  now += 600_000
  expect(await (await fetch(url)).text()).toContain('<Message>Request has expired</Message>')
  expect(wordsOf(aws.requests)).toEqual(['accepted', 'accepted', 'url-expired'])
})

test.each<readonly [string, (url: URL) => void]>([
  ['another object', (url) => (url.pathname = '/reports/other.txt')],
  ['another life', (url) => url.searchParams.set('X-Amz-Expires', '3600')],
  ['another parameter', (url) => url.searchParams.set('versionId', '1')],
  ['fewer signed headers', (url) => url.searchParams.set('X-Amz-SignedHeaders', '')],
])('refuses a presigned URL that was given %s', async (_, change) => {
  const { aws, url } = await presign(GOOD)
  const changed = new URL(url)
  change(changed)
  expect((await fetch(changed)).status).toBe(403)
  expect(wordsOf(aws.requests)).toEqual(['accepted', 'wrong-signature'])
})

test.each(['unknown-key', 'wrong-signature', 'wrong-token', 'expired'] as const)(
  'refuses a presigned URL whose credentials are wrong: %s',
  async (flaw) => {
    const { aws, url } = await presign(FLAWS[flaw])
    await fetch(url)
    expect(wordsOf(aws.requests)).toEqual(['accepted', flaw])
  },
)

test('returns the parameters below a path in pages of ten', async () => {
  const { clients } = await setup()
  for (let number = 0; number < 12; number++)
    await clients.ssm.send(new PutParameterCommand({ Name: `/a/${number}`, Value: 'v', Type: 'String' }))
  const first = await clients.ssm.send(new GetParametersByPathCommand({ Path: '/a' }))
  const { NextToken } = first
  const second = await clients.ssm.send(new GetParametersByPathCommand({ Path: '/a', NextToken }))
  expect([first.Parameters?.length, second.Parameters?.length]).toEqual([10, 2])
  expect(second.NextToken).toBeUndefined()
})

test('records the user agent of each request', async () => {
  const { aws, clients } = await setup()
  await call(clients, 'sts')
  expect(aws.requests[0]?.userAgent).toMatch(/^aws-sdk-js\/.* m\/\S+$/)
})

test('records no secret and no session token', async () => {
  const { aws, clients } = await setup()
  await callEach(clients)
  const kept = JSON.stringify(aws.requests)
  expect(kept).toContain(GOOD.accessKeyId)
  expect(kept).not.toContain(GOOD.secretAccessKey)
  expect(kept).not.toContain(GOOD.sessionToken)
})
