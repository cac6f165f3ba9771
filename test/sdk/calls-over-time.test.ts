import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { expect, test, vi } from 'vitest'
import type { InstanceRoleProvider } from '../../src/index.js'
import { DOCUMENT, HOUR_MS, LISTING, setUp, TOKEN } from './application-on-ec2.js'
import { call, callEach, SERVICE_NAMES } from './clients.js'
import type { RecordedRequest } from '../../examples/emulated-aws/verifying-aws-endpoint.js'

const verdictsOf = (requests: readonly RecordedRequest[]) => requests.map(({ verdict }) => verdict)
const keysOf = (requests: readonly RecordedRequest[]) => requests.map(({ accessKeyId }) => accessKeyId)

/** Until what runs behind the calls has brought another set than this. */
async function renewed(credentials: InstanceRoleProvider, from: string | undefined) {
  await vi.waitFor(async () => expect((await credentials()).accessKeyId).not.toBe(from), { interval: 5 })
}

test.each(SERVICE_NAMES)("signs the first %s call with the role's credentials", async (service) => {
  const { aws, clients, instance } = await setUp()
  await call(clients, service)
  expect(aws.requests).toEqual([
    expect.objectContaining({ service, accessKeyId: instance.credentials?.accessKeyId, verdict: 'accepted' }),
  ])
})

test('acts as the role, whatever the instance profile is called', async () => {
  const { clients } = await setUp()
  const { Arn } = await clients.sts.send(new GetCallerIdentityCommand({}))
  expect(Arn).toBe('arn:aws:sts::123456789012:assumed-role/app-role/session')
})

test('says in the user agent of every call that the credentials come from IMDS', async () => {
  const { aws, clients } = await setUp()
  await callEach(clients)
  const claims = aws.requests.map(({ userAgent }) => / m\/(?:[^ ]+,)?0(?:,|$)/.test(userAgent))
  expect(claims).toEqual([true, true, true, true])
})

test('loads once for many calls of many clients', async () => {
  const { clients, instance } = await setUp()
  await callEach(clients)
  await callEach(clients)
  await callEach(clients)
  expect(instance.requests).toEqual([TOKEN, LISTING, DOCUMENT])
})

test('signs with the new credentials after a rotation', async () => {
  const { aws, clients, clock, credentials, instance } = await setUp()
  await callEach(clients)
  const first = instance.credentials?.accessKeyId
  instance.rotate()
  await clock.advance(4 * HOUR_MS)
  await callEach(clients)
  await renewed(credentials, first)
  await callEach(clients)
  expect(keysOf(aws.requests.slice(-4))).toEqual(Array(4).fill(instance.credentials?.accessKeyId))
  expect(verdictsOf(aws.requests)).toEqual(Array(12).fill('accepted'))
})

test('signs with the new credentials at once after a refresh was forced through a client', async () => {
  const { aws, clients, instance } = await setUp()
  await call(clients, 's3')
  instance.rotate()
  await clients.s3.config.credentials({ forceRefresh: true })
  await callEach(clients)
  expect(keysOf(aws.requests.slice(-4))).toEqual(Array(4).fill(instance.credentials?.accessKeyId))
  expect(instance.requests).toEqual([TOKEN, LISTING, DOCUMENT, DOCUMENT])
})

test('has no SDK cache on top that would keep invalidated credentials', async () => {
  const { aws, clients, credentials, instance } = await setUp()
  await callEach(clients)
  instance.rotate()
  credentials.invalidate()
  await callEach(clients)
  expect(keysOf(aws.requests.slice(-4))).toEqual(Array(4).fill(instance.credentials?.accessKeyId))
})

test('hides an outage of IMDS from calls while the credentials are valid', async () => {
  const { aws, clients, clock, instance } = await setUp()
  await callEach(clients)
  instance.failUntilLifted('all', { status: 503 })
  await clock.advance(4 * HOUR_MS)
  await callEach(clients)
  await clock.advance(2 * HOUR_MS - 40_000)
  await callEach(clients)
  expect(instance.requests.slice(3)).toContain(DOCUMENT.replace('200', '503'))
  expect(verdictsOf(aws.requests)).toEqual(Array(12).fill('accepted'))
})

test('lets AWS refuse credentials that expired during an outage', async () => {
  const { aws, clients, clock, credentials, instance } = await setUp()
  await callEach(clients)
  const held = instance.credentials
  instance.failUntilLifted('all', 'reset')
  await clock.advance(7 * HOUR_MS)
  const refusals = SERVICE_NAMES.map((service) => call(clients, service).catch((error: unknown) => error))
  expect(await Promise.all(refusals)).toEqual([
    expect.objectContaining({ name: 'ExpiredToken' }),
    expect.objectContaining({ name: 'ExpiredToken' }),
    expect.objectContaining({ name: 'ExpiredTokenException' }),
    expect.objectContaining({ name: 'ExpiredTokenException' }),
  ])
  expect(keysOf(aws.requests)).toEqual(Array(8).fill(held?.accessKeyId))
  const { expiration } = await credentials()
  expect(expiration.getTime()).toBeGreaterThan(clock.now())
})

test('has valid credentials soon after a long outage', async () => {
  const { aws, clients, clock, credentials, instance } = await setUp()
  await callEach(clients)
  const lift = instance.failUntilLifted('all', { status: 503 })
  await clock.advance(7 * HOUR_MS)
  const { accessKeyId } = await credentials()
  lift()
  await clock.advance(60_000)
  await renewed(credentials, accessKeyId)
  await callEach(clients)
  expect(verdictsOf(aws.requests.slice(-4))).toEqual(Array(4).fill('accepted'))
})

test('acts as another role after the role of the instance was swapped', async () => {
  const { clients, clock, credentials, instance } = await setUp()
  const { accessKeyId } = await credentials()
  instance.attachRole('other-role')
  await clock.advance(4 * HOUR_MS)
  await renewed(credentials, accessKeyId)
  const { Arn } = await clients.sts.send(new GetCallerIdentityCommand({}))
  expect(Arn).toBe('arn:aws:sts::123456789012:assumed-role/other-role/session')
})

test('serves a detached role until its credentials expire, and no longer', async () => {
  const { aws, clients, clock, instance } = await setUp()
  await callEach(clients)
  instance.disassociateProfile()
  await clock.advance(5 * HOUR_MS)
  await callEach(clients)
  await clock.advance(2 * HOUR_MS)
  await expect(call(clients, 's3')).rejects.toMatchObject({ name: 'InstanceRoleError', code: 'NO_ROLE' })
  expect(verdictsOf(aws.requests)).toEqual(Array(8).fill('accepted'))
})
