import { expect, test } from 'vitest'
import { createTestClock, emulateInstance, iamRole, instanceProfile } from '../../src/testing/index.js'
import { credentialsDocument, get } from './ask.js'

const LISTING = 'iam/security-credentials/'

test('IMDS lists the name of the role, and shows the ARN of the profile', () => {
  const clock = createTestClock({ startAt: Date.UTC(2030, 0, 1) })
  const instance = emulateInstance({ clock, roleName: 'orders', instanceProfileName: 'orders-profile' })
  expect(get(instance, LISTING).body).toBe('orders')
  expect(JSON.parse(get(instance, 'iam/info').body)).toEqual({
    Code: 'Success',
    LastUpdated: '2030-01-01T00:00:00Z',
    InstanceProfileArn: 'arn:aws:iam::123456789012:instance-profile/orders-profile',
    InstanceProfileId: instance.profile?.id,
  })
})

test('role and profile have different names unless the role is attached as the console does', () => {
  const instance = emulateInstance()
  expect([instance.role?.name, instance.profile?.name]).toEqual(['app-role', 'app-profile'])
  instance.attachRole('web')
  expect([instance.role?.name, instance.profile?.name]).toEqual(['web', 'web'])
})

test.each([LISTING, 'iam/info', 'iam/security-credentials/app-role', 'iam/'])(
  'an instance without a profile has no %s',
  (path) => {
    const instance = emulateInstance()
    instance.disassociateProfile()
    expect(get(instance, path).status).toBe(404)
    expect(instance.credentials).toBeUndefined()
  },
)

test('a profile without a role has an empty listing, and iam/info says so', () => {
  const instance = emulateInstance()
  instance.profile?.removeRole()
  expect(get(instance, LISTING)).toMatchObject({ status: 200, body: '' })
  expect(get(instance, 'iam/security-credentials/app-role').status).toBe(404)
  expect(JSON.parse(get(instance, 'iam/info').body)).toMatchObject({
    Code: 'Success',
    Message: 'Instance Profile does not contain a role.',
  })
})

test('a role that is added to the associated profile is listed', () => {
  const instance = emulateInstance()
  instance.profile?.removeRole()
  instance.profile?.addRole(iamRole({ name: 'later' }))
  expect(get(instance, LISTING).body).toBe('later')
  expect(credentialsDocument(instance, 'later')).toMatchObject({ Code: 'Success' })
})

test('a role whose trust policy omits EC2 is listed, but has no credentials', () => {
  const instance = emulateInstance({ clock: createTestClock({ startAt: Date.UTC(2030, 0, 1) }) })
  if (instance.role) instance.role.trustPolicy = { Statement: [] }
  expect(get(instance, LISTING).body).toBe('app-role')
  expect(credentialsDocument(instance)).toEqual({
    Code: 'AssumeRoleUnauthorizedAccess',
    Message:
      'EC2 cannot assume the role app-role.  Please see documentation at http://docs.amazonwebservices.com/IAM/latest/UserGuide/RolesTroubleshooting.html.',
    LastUpdated: '2030-01-01T00:00:00Z',
  })
})

test('a role has credentials again when its trust policy is fixed', () => {
  const instance = emulateInstance()
  const trustPolicy = instance.role?.trustPolicy
  if (instance.role) instance.role.trustPolicy = { Statement: [] }
  expect(instance.credentials).toBeUndefined()
  if (instance.role && trustPolicy) instance.role.trustPolicy = trustPolicy
  expect(instance.credentials).toMatchObject({ roleName: 'app-role' })
})

test('replacing the profile changes role and credentials', () => {
  const instance = emulateInstance()
  const before = instance.credentials
  instance.replaceProfile(instanceProfile({ name: 'other-profile', role: iamRole({ name: 'other' }) }))
  expect(get(instance, LISTING).body).toBe('other')
  expect(get(instance, 'iam/security-credentials/app-role').status).toBe(404)
  expect(instance.credentials?.accessKeyId).not.toBe(before?.accessKeyId)
})

test('a profile can be associated again after it was disassociated', () => {
  const instance = emulateInstance()
  const { profile } = instance
  instance.disassociateProfile()
  if (profile) instance.associateProfile(profile)
  expect(get(instance, LISTING).body).toBe('app-role')
})

test('an instance has at most one profile', () => {
  const instance = emulateInstance()
  expect(() => instance.associateProfile(instanceProfile({ name: 'second' }))).toThrow(/IncorrectState/)
})

test.each([
  ['disassociate', () => bareInstance().disassociateProfile()],
  ['replace', () => bareInstance().replaceProfile(instanceProfile({ name: 'new' }))],
  ['rotate', () => bareInstance().rotate()],
])('cannot %s without a profile', (_, act) => {
  expect(act).toThrow(/no instance profile is associated/)
})

test('a profile contains at most one role', () => {
  const profile = instanceProfile({ name: 'p', role: iamRole({ name: 'first' }) })
  expect(() => profile.addRole(iamRole({ name: 'second' }))).toThrow(/LimitExceeded/)
})

test('a missing role cannot be removed', () => {
  expect(() => instanceProfile({ name: 'p' }).removeRole()).toThrow(/NoSuchEntity/)
})

test('a changed role shows at the next renewal, as on EC2, if asked to', async () => {
  const clock = createTestClock()
  const instance = emulateInstance({ clock, roleChanges: 'at-renewal' })
  instance.profile?.removeRole()
  instance.profile?.addRole(iamRole({ name: 'later' }))
  expect(get(instance, LISTING).body).toBe('app-role')
  await clock.advance(3_600_000)
  expect(get(instance, LISTING).body).toBe('later')
})

test('an edited trust policy shows at the next renewal, as on EC2, if asked to', () => {
  const instance = emulateInstance({ roleChanges: 'at-renewal' })
  if (instance.role) instance.role.trustPolicy = { Statement: [] }
  expect(credentialsDocument(instance)).toMatchObject({ Code: 'Success' })
  instance.rotate()
  expect(credentialsDocument(instance)).toMatchObject({ Code: 'AssumeRoleUnauthorizedAccess' })
})

function bareInstance(): ReturnType<typeof emulateInstance> {
  const instance = emulateInstance()
  instance.disassociateProfile()
  return instance
}
