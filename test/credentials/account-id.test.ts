import { expect, onTestFinished, test, vi } from 'vitest'
import { type EmulatedInstance, iamRole, instanceProfile } from '../../src/testing/index.js'
import { InstanceRoleError } from '../../src/index.js'
import { parseAccountId } from '../../src/credentials/account-id.js'
import { SECOND, setup, timed } from '../setup.js'

const E = '/latest/meta-data/iam/security-credentials-extended/'
const L = '/latest/meta-data/iam/security-credentials/'
const ACCOUNT = '123456789012'

/** The results and requests of two calls: paths of the credential trees, with their status. */
async function resolveTwice(
  world: { roleName?: string; extended: boolean },
  between: (instance: EmulatedInstance) => void = () => {},
  before: (instance: EmulatedInstance) => void = () => {},
) {
  const { clock, instance, provider } = setup({
    extendedCredentials: world.extended,
    provider: {
      accountId: true,
      retries: 0,
      ...(world.roleName !== undefined && { roleName: world.roleName }),
    },
  })
  before(instance)
  const outcomes: unknown[] = []
  for (const prepare of [() => {}, between]) {
    prepare(instance)
    outcomes.push(
      await provider({ forceRefresh: true }).then(
        ({ accountId }) => accountId ?? 'credentials',
        (error: unknown) => (error instanceof InstanceRoleError ? error.code : 'unexpected'),
      ),
    )
    await clock.advance(0)
  }
  const asked = instance.requests
    .filter((request) => request.includes('security-credentials'))
    .map((request) => request.replace('GET ', '').replace(E, 'E/').replace(L, 'L/'))
  return { outcomes, asked }
}

const swap = (instance: EmulatedInstance): void =>
  instance.replaceProfile(instanceProfile({ name: 'other-profile', role: iamRole({ name: 'other-role' }) }))
const withoutAccount = (instance: EmulatedInstance): void =>
  void instance.failUntilLifted('credentials', { missingField: 'AccountId' })
const withoutInfo = (instance: EmulatedInstance): void =>
  void instance.failUntilLifted('/latest/meta-data/iam/info', { status: 404 })

// The AWS SDKs' shared vectors for the extended credentials of IMDS (version 2.1), numbered as there. Number 12 is
// number 8 on an instance without the extended tree.

test('0: sends no request if IMDS is disabled', async () => {
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  onTestFinished(() => void vi.unstubAllEnvs())
  const { outcomes, asked } = await resolveTwice({ extended: true })
  expect(outcomes).toEqual(['IMDS_DISABLED_BY_ENV', 'IMDS_DISABLED_BY_ENV'])
  expect(asked).toEqual([])
})

test('1: reads the extended tree, and remembers the role', async () => {
  const { outcomes, asked } = await resolveTwice({ extended: true })
  expect(outcomes).toEqual([ACCOUNT, ACCOUNT])
  expect(asked).toEqual(['E/ 200', 'E/app-role 200', 'E/app-role 200'])
})

test('2: does not list roles if the role is named', async () => {
  const { outcomes, asked } = await resolveTwice({ extended: true, roleName: 'app-role' })
  expect(outcomes).toEqual([ACCOUNT, ACCOUNT])
  expect(asked).toEqual(['E/app-role 200', 'E/app-role 200'])
})

test('3: lists the extended tree again if the discovered role is gone', async () => {
  const { outcomes, asked } = await resolveTwice({ extended: true }, swap)
  expect(outcomes).toEqual([ACCOUNT, ACCOUNT])
  expect(asked).toEqual(['E/ 200', 'E/app-role 200', 'E/app-role 404', 'E/ 200', 'E/other-role 200'])
})

test.each([
  { number: 4, extended: true },
  { number: 8, extended: true },
  { number: 12, extended: false },
])('$number: refuses a named role that neither tree has', async ({ extended }) => {
  const { outcomes, asked } = await resolveTwice({ extended, roleName: 'absent-role' })
  expect(outcomes).toEqual(['ROLE_NOT_FOUND', 'ROLE_NOT_FOUND'])
  expect(asked.slice(0, 2)).toEqual(['E/absent-role 404', 'L/absent-role 404'])
})

test.each([
  { number: 5, roleName: undefined, first: ['E/ 200', 'E/app-role 200'] },
  { number: 6, roleName: 'app-role', first: ['E/app-role 200'] },
])('$number: stays with the extended tree if its documents have no account', async ({ roleName, first }) => {
  const world = { extended: true, ...(roleName !== undefined && { roleName }) }
  const { outcomes, asked } = await resolveTwice(
    world,
    () => {},
    (instance) => {
      withoutAccount(instance)
      withoutInfo(instance)
    },
  )
  expect(outcomes).toEqual(['credentials', 'credentials'])
  expect(asked).toEqual([...first, 'E/app-role 200'])
})

test('7: follows the role in the extended tree without accounts', async () => {
  const { outcomes, asked } = await resolveTwice({ extended: true }, swap, (instance) => {
    withoutAccount(instance)
    withoutInfo(instance)
  })
  expect(outcomes).toEqual(['credentials', 'credentials'])
  expect(asked).toEqual(['E/ 200', 'E/app-role 200', 'E/app-role 404', 'E/ 200', 'E/other-role 200'])
})

test('9: falls back to the legacy tree at a 404, and remembers it', async () => {
  const { outcomes, asked } = await resolveTwice({ extended: false }, () => {}, withoutInfo)
  expect(outcomes).toEqual(['credentials', 'credentials'])
  expect(asked).toEqual(['E/ 404', 'L/ 200', 'L/app-role 200', 'L/app-role 200'])
})

test('10: falls back to the legacy tree for a named role', async () => {
  const { outcomes, asked } = await resolveTwice(
    { extended: false, roleName: 'app-role' },
    () => {},
    withoutInfo,
  )
  expect(outcomes).toEqual(['credentials', 'credentials'])
  expect(asked).toEqual(['E/app-role 404', 'L/app-role 200', 'L/app-role 200'])
})

test('11: follows the role in the legacy tree', async () => {
  const { outcomes, asked } = await resolveTwice({ extended: false }, swap, withoutInfo)
  expect(outcomes).toEqual(['credentials', 'credentials'])
  expect(asked).toEqual([
    'E/ 404',
    'L/ 200',
    'L/app-role 200',
    'L/app-role 404',
    'L/ 200',
    'L/other-role 200',
  ])
})

test.each([403, 500])('does not treat a %d of the extended tree as its absence', async (status) => {
  const { asked } = await resolveTwice(
    { extended: true },
    () => {},
    (instance) => instance.fail('role', { status }),
  )
  expect(asked.filter((request) => request.startsWith('L/'))).toEqual([])
})

test('reads the account from the instance profile, once per role, if the credentials have none', async () => {
  const { instance, provider } = setup({ provider: { accountId: true } })
  expect((await provider()).accountId).toBe(ACCOUNT)
  expect((await provider({ forceRefresh: true })).accountId).toBe(ACCOUNT)
  expect(instance.requests.filter((request) => request.endsWith('/iam/info 200'))).toHaveLength(1)
})

const INFO = '/latest/meta-data/iam/info'

test.each(['silence', 'refuse', 'reset', { dripMs: 900 }, { status: 500 }, { status: 404 }, 'html'] as const)(
  'returns the credentials without an account after at most one timeout if the account request meets %j',
  async (fault) => {
    const { clock, instance, provider } = setup({ provider: { accountId: true } })
    const lift = instance.failUntilLifted(INFO, fault)
    const { value, tookMs } = await timed(clock, provider())
    expect(value?.accessKeyId).toBe(instance.credentials?.accessKeyId)
    expect(value).not.toHaveProperty('accountId')
    expect(tookMs).toBeLessThanOrEqual(SECOND)
    expect(instance.requests.filter((request) => request.includes(INFO))).toHaveLength(1)
    lift()
    expect((await provider({ forceRefresh: true })).accountId).toBe(ACCOUNT)
  },
)

test('remembers the account although reading it would fail now', async () => {
  const { instance, provider } = setup({ provider: { accountId: true } })
  await provider()
  instance.failUntilLifted(INFO, { status: 500 })
  expect((await provider({ forceRefresh: true })).accountId).toBe(ACCOUNT)
})

test('returns the credentials in time if little of the deadline is left for the account', async () => {
  const { clock, instance, provider } = setup({ provider: { accountId: true, deadline: 2_000 } })
  instance.fail('credentials', { delayMs: 950 }, { delayMs: 950 })
  instance.fail('token', { delayMs: 950 })
  instance.failUntilLifted(INFO, 'silence')
  const { value, tookMs } = await timed(clock, provider())
  expect(value?.accessKeyId).toBe(instance.credentials?.accessKeyId)
  expect(tookMs).toBeLessThanOrEqual(2_000)
})

test('uses the account of the current role if the role is swapped during the read', async () => {
  const { clock, instance, provider } = setup({ provider: { accountId: true } })
  instance.fail(INFO, { delayMs: 500 })
  const first = provider()
  await clock.advance(100)
  const accountId = '210987654321'
  const role = iamRole({ name: 'other-role', accountId })
  instance.replaceProfile(instanceProfile({ name: 'other-profile', role, accountId }))
  await first
  expect((await provider({ forceRefresh: true })).accountId).toBe(accountId)
})

test('forgets the account when everything else is forgotten', async () => {
  const { instance, registry, provider } = setup({ provider: { accountId: true } })
  await provider()
  registry.sources.refs.forEach((source) => source.deref()?.reset())
  instance.failUntilLifted(INFO, { status: 404 })
  expect(await provider()).not.toHaveProperty('accountId')
})

test('does not read the account if it is not wanted', async () => {
  const { clock, instance, provider } = setup({ extendedCredentials: true })
  expect(await provider()).not.toHaveProperty('accountId')
  await clock.advance(0)
  expect(instance.requests.filter((request) => /extended|info/.test(request))).toEqual([])
})

test.each([
  ['{"InstanceProfileArn" : "arn:aws:iam::123456789012:instance-profile/app"}', ACCOUNT],
  ['{"InstanceProfileArn":"arn:aws-us-gov:iam::123456789012:instance-profile/a/b"}', ACCOUNT],
  ['{"InstanceProfileArn":"arn:aws:iam::12345:instance-profile/app"}', undefined],
  ['<html>', undefined],
])('reads the account from %s', (info, accountId) => {
  expect(parseAccountId(info)).toBe(accountId)
})
