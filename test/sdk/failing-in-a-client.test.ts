import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test } from 'vitest'
import { fromInstanceRole, InstanceRoleError } from '../../src/index.js'
import { type Fault } from '../../src/testing/index.js'
import { setUp } from './application-on-ec2.js'
import { call, REGION, SERVICE_NAMES } from './clients.js'

const failureOf = (sent: Promise<unknown>): Promise<unknown> => sent.catch((error: unknown) => error)

test.each(SERVICE_NAMES)(
  'reaches the caller of %s as it was thrown, code and hint included',
  async (service) => {
    const { aws, clients, instance } = await setUp()
    instance.disassociateProfile()
    const failure = await failureOf(call(clients, service))
    expect(failure).toBeInstanceOf(InstanceRoleError)
    expect(failure).toMatchObject({
      code: 'NO_ROLE',
      step: 'role',
      hint: expect.stringContaining('associate-iam-instance-profile') as unknown,
    })
    expect(aws.requests).toEqual([])
  },
)

const FAILURES: readonly (readonly [string, Fault])[] = [
  ['a reset connection', 'reset'],
  ['an answer broken off', 'reset-mid-body'],
  ['silence', 'silence'],
  ['throttling', { status: 429 }],
  ['an error of IMDS', { status: 503 }],
  ['a refusal', { status: 403 }],
]

test.each(FAILURES)('after %s, is not taken by the SDK for a reason to send again', async (_, fault) => {
  const { aws, credentials, endpoint, instance } = await setUp()
  const good = await credentials()
  instance.failUntilLifted('all', fault)
  let asked = 0
  // The client asks twice: to choose how to sign, then to sign, inside its retry loop. This one fails there.
  const fresh = fromInstanceRole({ endpoint, isolated: true })
  const failsWhenSigning = Object.assign(() => ((asked += 1) === 1 ? Promise.resolve(good) : fresh()), {
    memoized: true,
  })
  const s3 = new S3Client({ endpoint: aws.url, region: REGION, credentials: failsWhenSigning })
  onTestFinished(() => s3.destroy())
  const failure = await failureOf(s3.send(new ListBucketsCommand({})))
  expect(failure).toBeInstanceOf(InstanceRoleError)
  expect(asked).toBe(2)
})

test('leaves the client usable: the next call succeeds once the role is there', async () => {
  const { clients, instance } = await setUp()
  const profile = instance.profile
  instance.disassociateProfile()
  await expect(call(clients, 's3')).rejects.toMatchObject({ code: 'NO_ROLE' })
  if (profile !== undefined) instance.associateProfile(profile)
  await expect(call(clients, 's3')).resolves.toBeDefined()
})
