import { Readable } from 'node:stream'
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import {
  GetCallerIdentityCommand,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  STSClient,
} from '@aws-sdk/client-sts'
import { createCredentialChain, fromEnv, fromTemporaryCredentials } from '@aws-sdk/credential-providers'
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider, FinalizeHandler } from '@aws-sdk/types'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import {
  fromInstanceRole,
  getRefreshOnExpiredTokenPlugin,
  type InstanceRoleOptions,
  type InstanceRoleProvider,
  refreshOnExpiredToken,
} from '../../src/index.js'
import { type ApplicationOnEc2, DOCUMENT, LISTING, setUp, TOKEN } from './application-on-ec2.js'
import { call, callEach, type Clients, REGION, SERVICE_NAMES } from './clients.js'
import type { RecordedRequest } from '../../examples/emulated-aws/verifying-aws-endpoint.js'

const FIRST_LOAD = [TOKEN, LISTING, DOCUMENT]
const verdictsOf = (requests: readonly RecordedRequest[]) => requests.map(({ verdict }) => verdict)
const failureOf = (sent: Promise<unknown>): Promise<unknown> => sent.catch((error: unknown) => error)

afterEach(() => void vi.unstubAllEnvs())

function recovering(clients: Clients, credentials: InstanceRoleProvider) {
  for (const client of [clients.s3, clients.sts]) refreshOnExpiredToken(client, credentials)
  for (const client of [clients.dynamodb, clients.ssm]) refreshOnExpiredToken(client, credentials)
}

/** An application with recovering clients, each of which has called once, and whose set AWS then refuses. */
async function setUpRefused(as: 'expired' | 'unknown' = 'expired', { rotated = true, isolated = true } = {}) {
  const application = await setUp({ isolated })
  const { aws, clients, clock, credentials, disown, instance } = application
  recovering(clients, credentials)
  await callEach(clients)
  // So that the set does not count as fresh any more.
  await clock.advance(120_000)
  const reinstate = disown(as)
  if (rotated) instance.rotate()
  instance.clearRequests()
  const before = aws.requests.length
  return { ...application, reinstate, sent: () => verdictsOf(aws.requests.slice(before)) }
}

function s3With(
  { aws }: ApplicationOnEc2,
  credentials: AwsCredentialIdentity | AwsCredentialIdentityProvider,
) {
  const s3 = new S3Client({ endpoint: aws.url, region: REGION, credentials, forcePathStyle: true })
  onTestFinished(() => s3.destroy())
  return s3
}

test.each(SERVICE_NAMES)('makes a %s call succeed that was refused as expired', async (service) => {
  const { clients, instance, sent } = await setUpRefused('expired')
  await call(clients, service)
  expect(sent()).toEqual(['expired', 'accepted'])
  expect(instance.requests).toEqual([DOCUMENT])
})

test.each(SERVICE_NAMES)('makes a %s call succeed that was refused as unknown', async (service) => {
  const { clients, instance, sent } = await setUpRefused('unknown')
  await call(clients, service)
  expect(sent()).toEqual(['unknown-key', 'accepted'])
  expect(instance.requests).toEqual([DOCUMENT])
})

test.each(['RequestExpired', 'InvalidToken', 'ExpiredTokenException', 'InvalidClientTokenId', 'AuthFailure'])(
  'recovers from %s, whatever the service',
  async (name) => {
    const { clients, instance } = await setUpRefused()
    instance.rotate()
    refuseOnce(clients.sts, Object.assign(new Error(name), { name }))
    await call(clients, 'sts')
    expect(instance.requests).toEqual([DOCUMENT])
  },
)

/** In place of the service's first answer. */
function refuseOnce(client: STSClient, ...errors: Error[]) {
  client.middlewareStack.add(
    (next) => (args) => {
      const error = errors.shift()
      return error === undefined ? next(args) : Promise.reject(error)
    },
    { step: 'deserialize', priority: 'high' },
  )
}

test.each(['AccessDenied', 'SignatureDoesNotMatch', 'NoSuchBucket', 'ThrottlingException'])(
  'ignores %s',
  async (name) => {
    const { clients, instance, reinstate } = await setUpRefused('expired', { rotated: false })
    reinstate()
    const error = Object.assign(new Error(name), { name })
    refuseOnce(clients.sts, error, error, error)
    expect(await failureOf(call(clients, 'sts'))).toBe(error)
    expect(instance.requests).toEqual([])
  },
)

test('leaves a wrong clock to the SDK, which has just corrected it', async () => {
  const { clients, instance, reinstate } = await setUpRefused('expired', { rotated: false })
  reinstate()
  const $metadata = { clockSkewCorrected: true }
  refuseOnce(clients.sts, Object.assign(new Error(), { name: 'RequestExpired', $metadata }))
  await call(clients, 'sts')
  expect(instance.requests).toEqual([])
})

test('loads once for fifty calls of four clients that are refused together', async () => {
  const { clients, instance, sent } = await setUpRefused()
  const calls = Array.from({ length: 50 }, (_, n) => call(clients, SERVICE_NAMES[n % 4] ?? 's3'))
  await Promise.all(calls)
  expect(instance.requests).toEqual([DOCUMENT])
  expect(sent().filter((verdict) => verdict === 'accepted')).toHaveLength(50)
})

test("throws the service's error, and sends nothing more, if IMDS has the same credentials", async () => {
  const { clients, instance, sent } = await setUpRefused('expired', { rotated: false })
  await expect(call(clients, 'ssm')).rejects.toMatchObject({ name: 'ExpiredTokenException' })
  expect(sent()).toEqual(['expired'])
  expect(instance.requests).toEqual([DOCUMENT])
})

test('loads at most once in ten seconds for the same refused credentials', async () => {
  const { clients, clock, instance } = await setUpRefused('expired', { rotated: false })
  await failureOf(callEach(clients))
  await failureOf(callEach(clients))
  await clock.advance(9_000)
  await failureOf(callEach(clients))
  expect(instance.requests).toEqual([DOCUMENT])
  await clock.advance(2_000)
  await failureOf(callEach(clients))
  expect(instance.requests).toEqual([DOCUMENT, DOCUMENT])
})

test('loads within those ten seconds for other refused credentials', async () => {
  const { clients, disown, instance, sent } = await setUpRefused()
  await call(clients, 'sts')
  disown('expired')
  instance.rotate()
  await call(clients, 'sts')
  expect(sent()).toEqual(['expired', 'accepted', 'expired', 'accepted'])
  expect(instance.requests).toEqual([DOCUMENT, DOCUMENT])
})

test('throws the second refusal if the newer credentials are refused as well', async () => {
  const { clients, disown, instance, sent } = await setUpRefused()
  disown('unknown')
  await expect(call(clients, 'dynamodb')).rejects.toMatchObject({ name: 'UnrecognizedClientException' })
  expect(sent()).toEqual(['expired', 'unknown-key'])
  expect(instance.requests).toEqual([DOCUMENT])
})

test('only signs again if the credentials were replaced during the request', async () => {
  const { clients, credentials, instance, sent } = await setUpRefused()
  let replace: (() => Promise<unknown>) | undefined = () => credentials({ forceRefresh: true })
  clients.sts.middlewareStack.add(
    (next) => async (args) => {
      const answer = await failureOf(next(args))
      if (!(answer instanceof Error)) return next(args)
      await replace?.()
      replace = undefined
      throw answer
    },
    { step: 'deserialize', priority: 'high' },
  )
  await call(clients, 'sts')
  expect(sent()).toEqual(['expired', 'accepted', 'accepted'])
  expect(instance.requests).toEqual([DOCUMENT])
})

test('recovers once per call, in whichever attempt of the SDK needs it', async () => {
  const { clients, instance } = await setUpRefused()
  const [unavailable, refused, refusedAgain] = ['TimeoutError', 'ExpiredToken', 'ExpiredToken'].map((name) =>
    Object.assign(new Error(name), { name }),
  )
  refuseOnce(
    clients.sts,
    ...[unavailable, refused, unavailable, refusedAgain].flatMap((error) => error ?? []),
  )
  expect(await failureOf(call(clients, 'sts'))).toBe(refusedAgain)
  expect(instance.requests).toEqual([DOCUMENT])
})

test('recovers in a client that makes no second attempt of its own', async () => {
  const application = await setUpRefused()
  const { aws, credentials, sent } = application
  const sts = new STSClient({ endpoint: aws.url, region: REGION, credentials, maxAttempts: 1 })
  onTestFinished(() => sts.destroy())
  const { $metadata } = await refreshOnExpiredToken(sts, credentials).send(new GetCallerIdentityCommand({}))
  expect(sent()).toEqual(['expired', 'accepted'])
  expect($metadata.attempts).toBe(1)
})

const BODIES: readonly (readonly [string, () => string | Uint8Array])[] = [
  ['a string', () => 'text'],
  ['a Uint8Array', () => new TextEncoder().encode('text')],
  ['a Buffer', () => Buffer.from('text')],
]

test.each(BODIES)('sends a body again that is %s', async (_, body) => {
  const { clients, sent } = await setUpRefused()
  await clients.s3.send(new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: body() }))
  expect(sent()).toEqual(['expired', 'accepted'])
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: 'b', Key: 'k' }))
  expect(await Body?.transformToString()).toBe('text')
})

test('does not send a stream again, but makes the next call succeed', async () => {
  const { clients, instance, sent } = await setUpRefused()
  const put = () =>
    new PutObjectCommand({
      Bucket: 'b',
      Key: 'k',
      Body: Readable.from([Buffer.from('text')]),
      ContentLength: 4,
    })
  await expect(clients.s3.send(put())).rejects.toMatchObject({ name: 'ExpiredToken' })
  expect(sent()).toEqual(['expired'])
  expect(instance.requests).toEqual([DOCUMENT])
  await clients.s3.send(put())
  expect(sent()).toEqual(['expired', 'accepted'])
})

test("throws the service's error if IMDS is down, and does not ask again soon", async () => {
  const { clients, instance, sent } = await setUpRefused()
  instance.failUntilLifted('all', { status: 404 })
  await expect(call(clients, 's3')).rejects.toMatchObject({ name: 'ExpiredToken' })
  await expect(call(clients, 's3')).rejects.toMatchObject({ name: 'ExpiredToken' })
  expect(sent()).toEqual(['expired', 'expired'])
  expect(new Set(instance.requests)).toEqual(
    new Set([DOCUMENT.replace('200', '404'), LISTING.replace('200', '404')]),
  )
  expect(instance.requests).toHaveLength(2)
})

test("throws the service's error if the provider is closed", async () => {
  const { clients, credentials } = await setUpRefused()
  clients.sts.middlewareStack.add(
    (next) => async (args) => {
      await credentials.close()
      return next(args)
    },
    { step: 'deserialize', priority: 'high' },
  )
  await expect(call(clients, 'sts')).rejects.toMatchObject({ name: 'ExpiredToken' })
})

test("does not load for credentials that are not the provider's", async () => {
  const application = await setUp()
  const { aws, credentials, instance } = application
  const s3 = s3With(application, { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'of somebody else' })
  refreshOnExpiredToken(s3, credentials)
  await expect(s3.send(new ListBucketsCommand({}))).rejects.toMatchObject({ name: 'InvalidAccessKeyId' })
  expect(instance.requests).toEqual([])
  await credentials()
  await expect(s3.send(new ListBucketsCommand({}))).rejects.toMatchObject({ name: 'InvalidAccessKeyId' })
  expect(instance.requests).toEqual(FIRST_LOAD)
  expect(aws.requests).toHaveLength(2)
})

test('does not load if IMDS is disabled', async () => {
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  const application = await setUp()
  const s3 = s3With(application, { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'of somebody else' })
  refreshOnExpiredToken(s3, application.credentials)
  await expect(s3.send(new ListBucketsCommand({}))).rejects.toMatchObject({ name: 'InvalidAccessKeyId' })
  expect(application.instance.requests).toEqual([])
})

test('does not load for temporary credentials of an assumed role', async () => {
  const application = await setUp()
  const { aws, clock, credentials, instance } = application
  const temporary = fromTemporaryCredentials({
    masterCredentials: credentials,
    params: { RoleArn: 'arn:aws:iam::210987654321:role/reader', DurationSeconds: 900 },
    clientConfig: { endpoint: aws.url, region: REGION },
  })
  const s3 = refreshOnExpiredToken(s3With(application, await temporary()), credentials)
  await clock.advance(901_000)
  instance.clearRequests()
  await expect(s3.send(new ListBucketsCommand({}))).rejects.toMatchObject({ name: 'ExpiredToken' })
  expect(instance.requests).toEqual([])
  expect(verdictsOf(aws.requests)).toEqual(['accepted', 'expired'])
})

test('renews the cache that the SDK puts on a chain', async () => {
  const application = await setUpRefused()
  const { credentials, instance, sent } = application
  const s3 = s3With(application, createCredentialChain(credentials))
  await failureOf(s3.send(new ListBucketsCommand({})))
  refreshOnExpiredToken(s3, credentials)
  await s3.send(new ListBucketsCommand({}))
  expect(sent()).toEqual(['expired', 'expired', 'accepted'])
  expect(instance.requests).toEqual([DOCUMENT])
})

test('recovers once if the plugin is applied twice', async () => {
  const { clients, credentials, instance, sent } = await setUpRefused('expired', { rotated: false })
  refreshOnExpiredToken(clients.sts, credentials)
  expect(clients.sts.middlewareStack.identify().filter((name) => name.startsWith('refreshOn'))).toHaveLength(
    2,
  )
  await expect(call(clients, 'sts')).rejects.toMatchObject({ name: 'ExpiredToken' })
  instance.rotate()
  expect(sent()).toEqual(['expired'])
})

test('works on a single command, with or without the plugin on its client', async () => {
  const application = await setUpRefused()
  const { aws, credentials, sent } = application
  const dynamodb = new DynamoDBClient({ endpoint: aws.url, region: REGION, credentials })
  onTestFinished(() => dynamodb.destroy())
  const command = new GetItemCommand({ TableName: 'visits', Key: { id: { S: '1' } } })
  command.middlewareStack.use(getRefreshOnExpiredTokenPlugin(dynamodb.config, credentials))
  await dynamodb.send(command)
  expect(sent()).toEqual(['expired', 'accepted'])
  refreshOnExpiredToken(dynamodb, credentials)
  await dynamodb.send(command)
  expect(sent()).toEqual(['expired', 'accepted', 'accepted'])
})

test('can be removed by name and by tag', async () => {
  const { clients } = await setUpRefused()
  expect(clients.s3.middlewareStack.remove('refreshOnExpiredTokenMiddleware')).toBe(true)
  expect(clients.sts.middlewareStack.removeByTag('REFRESH_ON_EXPIRED_TOKEN')).toBe(true)
  await expect(call(clients, 's3')).rejects.toMatchObject({ name: 'ExpiredToken' })
  await expect(call(clients, 'sts')).rejects.toMatchObject({ name: 'ExpiredToken' })
})

test('works for clients that cache their middleware', async () => {
  const { aws, credentials, sent } = await setUpRefused()
  const sts = new STSClient({ endpoint: aws.url, region: REGION, credentials, cacheMiddleware: true })
  onTestFinished(() => sts.destroy())
  refreshOnExpiredToken(sts, credentials)
  await Promise.all([1, 2, 3].map(() => sts.send(new GetCallerIdentityCommand({}))))
  await sts.send(new GetCallerIdentityCommand({}))
  expect(sent().filter((verdict) => verdict === 'accepted')).toHaveLength(4)
})

test('waits for services to know new credentials', async () => {
  const { aws, clients, clock, credentials, disown, instance } = await setUp()
  recovering(clients, credentials)
  await credentials()
  clock.after(500, disown('unknown'))
  await call(clients, 'sts')
  expect(instance.requests).toEqual([...FIRST_LOAD, DOCUMENT])
  expect(verdictsOf(aws.requests)).toEqual(['unknown-key', 'accepted'])
})

test.each([
  ['a signal', () => new AbortController()],
  ['a signal of another realm, as under Jest', createForeignController],
])('ends at once when the call is aborted while IMDS is asked, by %s', async (_kind, createController) => {
  const { clients, clock, instance, sent } = await setUpRefused()
  instance.failUntilLifted('all', 'silence')
  const abort = createController()
  const abortedAt = clock.now() + 500
  clock.after(500, () => abort.abort())
  const call = clients.sts.send(new GetCallerIdentityCommand({}), { abortSignal: abort.signal })
  await expect(call).rejects.toMatchObject({ name: 'AbortError' })
  expect(clock.now()).toBe(abortedAt)
  expect(sent()).toEqual(['expired'])
})

/** Its signal is an `EventTarget` like any, and no `instanceof AbortSignal`. */
function createForeignController() {
  const signal = Object.assign(new EventTarget(), {
    aborted: false,
    onabort: null,
    reason: undefined,
    throwIfAborted: () => {},
  })
  return { signal, abort: () => Object.assign(signal, { aborted: true }).dispatchEvent(new Event('abort')) }
}

test('cannot see why a HEAD request was refused, because the response has no body', async () => {
  const { clients, instance, sent } = await setUpRefused()
  const head = new HeadObjectCommand({ Bucket: 'b', Key: 'k' })
  await expect(clients.s3.send(head)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } })
  expect(sent()).toEqual(['expired'])
  expect(instance.requests).toEqual([])
})

/** Clients that recover, on a chain each, over which the SDK puts a cache each; and a set, refused, that is in these caches. */
async function setUpRefusedChains(count: number) {
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
  const application = await setUp()
  const { aws, clock, credentials, disown, instance } = application
  const chained = Array.from({ length: count }, () =>
    s3With(application, createCredentialChain(fromEnv(), credentials)),
  )
  for (const s3 of chained) refreshOnExpiredToken(s3, credentials)
  await Promise.all(chained.map(list))
  await clock.advance(120_000)
  disown('expired')
  instance.rotate()
  instance.clearRequests()
  const before = aws.requests.length
  return { ...application, chained, sent: () => verdictsOf(aws.requests.slice(before)) }
}

const list = (s3: S3Client) => s3.send(new ListBucketsCommand({}))

test('makes each of several clients recover whose chains the SDK caches', async () => {
  const { chained, instance, sent } = await setUpRefusedChains(3)
  for (const s3 of chained) await list(s3)
  expect(sent()).toEqual(['expired', 'accepted', 'expired', 'accepted', 'expired', 'accepted'])
  expect(instance.requests).toEqual([DOCUMENT, DOCUMENT, DOCUMENT])
  for (const s3 of chained) await list(s3)
  expect(sent().slice(6)).toEqual(['accepted', 'accepted', 'accepted'])
})

test('loads twice if many chains are refused together: once for all, once for the caches of the others', async () => {
  const { chained, instance, sent } = await setUpRefusedChains(10)
  await Promise.all([...chained, ...chained, ...chained].map(list))
  expect(instance.requests).toEqual([DOCUMENT, DOCUMENT])
  expect(sent().filter((verdict) => verdict === 'accepted')).toHaveLength(30)
})

test('loads once for many clients of a chain that the SDK does not cache', async () => {
  const application = await setUpRefused()
  const { credentials, instance, sent } = application
  const chain = Object.assign(createCredentialChain(credentials), { memoized: true })
  const clients = Array.from({ length: 10 }, () => s3With(application, chain))
  for (const s3 of clients) refreshOnExpiredToken(s3, credentials)
  await Promise.all([...clients, ...clients].map(list))
  expect(instance.requests).toEqual([DOCUMENT])
  expect(sent().filter((verdict) => verdict === 'accepted')).toHaveLength(20)
})

test('makes a chain recover whose credentials the provider replaced before anybody was refused', async () => {
  const { chained, credentials, sent } = await setUpRefusedChains(1)
  await credentials({ forceRefresh: true })
  await Promise.all(chained.map(list))
  expect(sent()).toEqual(['expired', 'accepted'])
})

test('makes a chain recover while IMDS is down, if the provider has newer credentials', async () => {
  const { chained, credentials, instance, sent } = await setUpRefusedChains(1)
  await credentials({ forceRefresh: true })
  instance.failUntilLifted('all', { status: 503 })
  await Promise.all(chained.map(list))
  expect(sent()).toEqual(['expired', 'accepted'])
})

test('makes the next call of a chain succeed if the body is a stream', async () => {
  const { chained, credentials, sent } = await setUpRefusedChains(1)
  await credentials({ forceRefresh: true })
  const Body = Readable.from([Buffer.from('text')])
  const put = new PutObjectCommand({ Bucket: 'b', Key: 'k', Body, ContentLength: 4 })
  await Promise.all(chained.map((s3) => expect(s3.send(put)).rejects.toMatchObject({ name: 'ExpiredToken' })))
  await Promise.all(chained.map(list))
  expect(sent()).toEqual(['expired', 'accepted'])
})

test('asks a cache that keeps refused credentials at most once in ten seconds', async () => {
  const application = await setUpRefused()
  const { clock, credentials, instance, sent } = application
  const held = await credentials()
  const wishes: boolean[] = []
  const stubborn = (properties?: { forceRefresh?: boolean }) => {
    if (properties?.forceRefresh === true) wishes.push(true)
    return Promise.resolve(held)
  }
  const s3 = s3With(application, Object.assign(stubborn, { memoized: true }))
  refreshOnExpiredToken(s3, credentials)
  await credentials({ forceRefresh: true })
  await Promise.all([1, 2, 3].map(() => failureOf(list(s3))))
  await expect(list(s3)).rejects.toMatchObject({ name: 'ExpiredToken' })
  expect(wishes).toHaveLength(1)
  await clock.advance(11_000)
  await expect(list(s3)).rejects.toMatchObject({ name: 'ExpiredToken' })
  expect(wishes).toHaveLength(2)
  expect(sent()).toEqual(Array.from({ length: 5 }, () => 'expired'))
  expect(instance.requests).toEqual([DOCUMENT])
})

test.each([
  ['each time', (times: number) => times],
  ['after the refusal', (_: number, refusals: number) => refusals],
])('does not send twice if another provider returns another key %s', async (_, suffixOf) => {
  const application = await setUpRefused()
  const { credentials, instance, sent } = application
  let times = 0
  const another = () => {
    const accessKeyId = `AKIAEXAMPLE${suffixOf(++times, sent().length)}`
    return Promise.resolve({ accessKeyId, secretAccessKey: 'of somebody else' })
  }
  const s3 = s3With(application, Object.assign(another, { memoized: true }))
  refreshOnExpiredToken(s3, credentials)
  await expect(list(s3)).rejects.toMatchObject({ name: 'InvalidAccessKeyId' })
  expect(sent()).toEqual(['unknown-key'])
  expect(instance.requests).toEqual([])
})

test('does not make other providers refresh', async () => {
  const application = await setUpRefused()
  const wishes: unknown[] = []
  const another = (properties?: { forceRefresh?: boolean }) => {
    wishes.push(properties?.forceRefresh)
    return Promise.resolve({ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'of somebody else' })
  }
  const s3 = s3With(application, Object.assign(another, { memoized: true }))
  refreshOnExpiredToken(s3, application.credentials)
  await expect(list(s3)).rejects.toMatchObject({ name: 'InvalidAccessKeyId' })
  expect(wishes).toContain(undefined)
  expect(wishes).not.toContain(true)
})

/** Runs `act` between the recovery of a call and the signing of what is sent again. */
function beforeSecondSigning(client: STSClient, act: () => unknown) {
  let count = 0
  client.middlewareStack.addRelativeTo(
    (next: FinalizeHandler<ServiceInputTypes, ServiceOutputTypes>): typeof next =>
      async (args) => {
        if (++count === 2) await act()
        return next(args)
      },
    { relation: 'before', toMiddleware: 'httpSigningMiddleware' },
  )
}

test("does not send twice if another provider's credentials sign the second request", async () => {
  const { clients, sent } = await setUpRefused()
  const { sts } = clients
  beforeSecondSigning(sts, () => {
    const another = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'of somebody else' }
    sts.config.credentials = () => Promise.resolve(another)
  })
  await expect(call(clients, 'sts')).rejects.toMatchObject({ name: 'ExpiredToken' })
  expect(sent()).toEqual(['expired'])
})

test('sends again with even newer credentials', async () => {
  const { clients, credentials, disown, instance, sent } = await setUpRefused()
  beforeSecondSigning(clients.sts, () => {
    disown('expired')
    instance.rotate()
    return credentials({ forceRefresh: true })
  })
  await call(clients, 'sts')
  expect(sent()).toEqual(['expired', 'accepted'])
})

test('recovers with another provider with the same settings, although nobody has called it', async () => {
  const { clients, endpoint, instance, sent } = await setUpRefused('expired', { isolated: false })
  refreshOnExpiredToken(clients.sts, fromInstanceRole({ endpoint }))
  await call(clients, 'sts')
  expect(sent()).toEqual(['expired', 'accepted'])
  expect(instance.requests).toEqual([DOCUMENT])
})

test.each([
  ['was called', [DOCUMENT, DOCUMENT]],
  ['was never called', [...FIRST_LOAD, DOCUMENT]],
])('recovers with another provider that shares nothing, and %s', async (state, asked) => {
  const { clients, endpoint, instance, sent } = await setUpRefused('expired', { rotated: false })
  const another = fromInstanceRole({ endpoint, isolated: true })
  if (state === 'was called') await another()
  instance.rotate()
  instance.clearRequests()
  refreshOnExpiredToken(clients.sts, another)
  await call(clients, 'sts')
  expect(sent()).toEqual(['expired', 'accepted'])
  expect(instance.requests).toEqual(asked)
})

test('recovers with another provider that shares nothing, and has older credentials', async () => {
  const { aws, clients, clock, credentials, disown, endpoint, instance } = await setUp()
  const older = fromInstanceRole({ endpoint, isolated: true })
  await older()
  instance.rotate()
  await credentials()
  refreshOnExpiredToken(clients.sts, older)
  await clock.advance(120_000)
  disown('expired')
  instance.rotate()
  instance.clearRequests()
  await call(clients, 'sts')
  expect(verdictsOf(aws.requests)).toEqual(['expired', 'accepted'])
  expect(instance.requests).toEqual([DOCUMENT])
})

/** Recovering clients with a provider each, all of which hold the set that AWS then refuses. */
async function setUpRefusedProviders(
  optionsOfEach: readonly InstanceRoleOptions[],
  { rotated = true, recoverBy }: { rotated?: boolean; recoverBy?: InstanceRoleOptions } = {},
) {
  const application = await setUp()
  const { clock, disown, endpoint, instance } = application
  const create = (options: InstanceRoleOptions) => {
    const provider = fromInstanceRole({ endpoint, ...options })
    onTestFinished(() => provider.close())
    return provider
  }
  const third = recoverBy && create(recoverBy)
  await third?.()
  const clients = optionsOfEach.map((options) => {
    const credentials = create(options)
    return refreshOnExpiredToken(s3With(application, credentials), third ?? credentials)
  })
  await Promise.all(clients.map(list))
  await clock.advance(120_000)
  disown('expired')
  if (rotated) instance.rotate()
  instance.clearRequests()
  return { clients, instance }
}

const SHARING_NOTHING: readonly (readonly [string, readonly InstanceRoleOptions[]])[] = [
  ['isolated', [{ isolated: true }, { isolated: true }]],
  ['of different settings', [{ timeout: 900 }, { timeout: 950 }, { roleName: 'app-role' }]],
]

test.each(SHARING_NOTHING)(
  'makes clients recover together whose providers are %s and have the same credentials',
  async (_, options) => {
    const { clients, instance } = await setUpRefusedProviders(options)
    await Promise.all(clients.map(list))
    expect(instance.requests).toEqual(options.map(() => DOCUMENT))
  },
)

test.each(SHARING_NOTHING)(
  'makes clients recover one after the other whose providers are %s and have the same credentials',
  async (_, options) => {
    const { clients, instance } = await setUpRefusedProviders(options)
    for (const client of clients) await list(client)
    expect(instance.requests).toEqual(options.map(() => DOCUMENT))
  },
)

test('makes isolated clients recover with another provider that has the same credentials', async () => {
  const { clients } = await setUpRefusedProviders([{ isolated: true }, { isolated: true }], {
    recoverBy: { isolated: true },
  })
  for (const client of clients) await list(client)
})

test('loads once if many providers share the refused credentials, and IMDS has no others', async () => {
  const { clients, instance } = await setUpRefusedProviders([{}, {}, {}, {}, {}], { rotated: false })
  for (const client of clients) await expect(list(client)).rejects.toMatchObject({ name: 'ExpiredToken' })
  expect(instance.requests).toEqual([DOCUMENT])
})

test("throws the service's error if the provider has another endpoint where nobody listens", async () => {
  const { clients, instance, sent } = await setUpRefused()
  refreshOnExpiredToken(clients.sts, fromInstanceRole({ endpoint: 'http://127.0.0.1:1' }))
  await expect(call(clients, 'sts')).rejects.toMatchObject({ name: 'ExpiredToken' })
  expect(instance.requests).toEqual([])
  expect(sent()).toEqual(['expired'])
})

test('does not load for a provider that the chain skipped because of the environment', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'of the environment')
  const application = await setUp()
  const { aws, credentials, instance } = application
  const s3 = s3With(application, createCredentialChain(fromEnv(), credentials))
  refreshOnExpiredToken(s3, credentials)
  await expect(list(s3)).rejects.toMatchObject({ name: 'InvalidAccessKeyId' })
  expect(instance.requests).toEqual([])
  expect(verdictsOf(aws.requests)).toEqual(['unknown-key'])
})
