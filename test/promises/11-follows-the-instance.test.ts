import { expect, test } from 'vitest'
import { iamRole, instanceProfile } from '../../src/testing/index.js'
import { CREDENTIALS, HOUR, LISTING, MINUTE, setup } from '../setup.js'

test('follows a swapped role at the next refresh, in the same load', async () => {
  const { instance, provider } = setup()
  await provider()
  instance.replaceProfile(instanceProfile({ name: 'other-profile', role: iamRole({ name: 'other-role' }) }))
  instance.clearRequests()
  expect((await provider({ forceRefresh: true })).accessKeyId).toBe(instance.credentials?.accessKeyId)
  expect(instance.requests).toEqual([`${CREDENTIALS} 404`, `${LISTING} 200`, `${LISTING}other-role 200`])
  expect(provider.status().roleName).toBe('other-role')
})

test('follows a swapped role even if no retry is allowed', async () => {
  const { instance, provider } = setup({ provider: { retries: 0 } })
  await provider()
  instance.replaceProfile(instanceProfile({ name: 'other-profile', role: iamRole({ name: 'other-role' }) }))
  expect((await provider({ forceRefresh: true })).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test('serves the cached credentials of a detached role until they expire, and no longer', async () => {
  const { clock, instance, provider } = setup()
  const { expiration, accessKeyId } = await provider()
  instance.disassociateProfile()
  while (clock.now() < expiration.getTime() - 10 * MINUTE) {
    await clock.advance(10 * MINUTE)
    expect((await provider()).accessKeyId).toBe(accessKeyId)
  }
  await clock.advance(10 * MINUTE)
  await expect(provider()).rejects.toMatchObject({ code: 'NO_ROLE', step: 'role' })
})

test('follows a role that is attached later', async () => {
  const { instance, provider } = setup()
  instance.disassociateProfile()
  await expect(provider()).rejects.toMatchObject({ code: 'NO_ROLE' })
  instance.attachRole('late-role')
  expect((await provider()).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test('gives up on a role that is listed without credentials after four rounds', async () => {
  const { instance, provider } = setup()
  instance.failUntilLifted('credentials', { status: 404 })
  await expect(provider()).rejects.toMatchObject({ code: 'NO_ROLE', step: 'credentials' })
  expect(instance.requests.filter((request) => request === `${LISTING} 200`)).toHaveLength(4)
})

test('does not look for another role if one is named', async () => {
  const { instance, provider } = setup({ provider: { roleName: 'absent-role' } })
  await expect(provider()).rejects.toMatchObject({ code: 'ROLE_NOT_FOUND', tryNextLink: false })
  expect(instance.requests).toEqual(['PUT /latest/api/token 200', `${LISTING}absent-role 404`])
})

test('refreshes in time if the wall clock is set back by hours', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  instance.failUntilLifted('all', 'refuse')
  await clock.advance(4 * HOUR)
  await provider()
  await clock.advance(MINUTE)
  clock.stepWallClock(-3 * HOUR)
  instance.clearFaults()
  instance.clearRequests()
  await provider()
  await clock.advance(0)
  expect(instance.requests).toEqual([`${CREDENTIALS} 200`])
})

test('waits for a try if the machine was suspended beyond the expiration', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  clock.stepWallClock(20 * HOUR)
  expect((await provider()).accessKeyId).toBe(instance.credentials?.accessKeyId)
})
