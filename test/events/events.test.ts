import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, expect, test } from 'vitest'
import type { InstanceRoleEventName, InstanceRoleEvents } from '../../src/index.js'
import { iamRole, instanceProfile } from '../../src/testing/index.js'
import { HOUR, MINUTE, setup } from '../setup.js'

// Spelt out so that the compiler tells when a channel is missing here.
const CHANNELS: Readonly<Record<InstanceRoleEventName, true>> = {
  'instance-role:load:start': true,
  'instance-role:load:attempt': true,
  'instance-role:load:end': true,
  'instance-role:load:error': true,
  'instance-role:refreshed': true,
  'instance-role:refresh-failed': true,
  'instance-role:extended': true,
  'instance-role:role-changed': true,
  'instance-role:role-detached': true,
  'instance-role:calls-failing': true,
  'instance-role:calls-recovered': true,
  'instance-role:v1-used': true,
}

const listening = new Set<() => void>()

afterEach(() => {
  for (const stop of listening) stop()
  listening.clear()
})

/** What is published from here on, in order, without the load's id. */
function listen(): [name: string, payload: unknown][] {
  const heard: [string, unknown][] = []
  for (const name of Object.keys(CHANNELS)) {
    const hear = (payload: unknown): void => {
      const members = Object.entries(payload as InstanceRoleEvents[InstanceRoleEventName])
      heard.push([name, Object.fromEntries(members.filter(([member]) => member !== 'loadId'))])
    }
    subscribe(name, hear)
    listening.add(() => unsubscribe(name, hear))
  }
  return heard
}

test('publishes a load from its start to its end', async () => {
  const heard = listen()
  const { instance, provider } = setup()
  instance.fail('role', { status: 503, delayMs: 200 })
  const { expiration } = await provider()
  const [, failed, succeeded, ended] = heard
  expect(heard.map(([name]) => name)).toEqual([
    'instance-role:load:start',
    'instance-role:load:attempt',
    'instance-role:load:attempt',
    'instance-role:load:end',
    'instance-role:refreshed',
  ])
  expect(heard[0]?.[1]).toEqual({ endpoint: 'http://169.254.169.254' })
  expect(failed?.[1]).toEqual({ attempt: 1, durationMs: 200, errorCode: 'SERVER_ERROR', step: 'role' })
  expect(succeeded?.[1]).toEqual({ attempt: 2, durationMs: 0 })
  expect(ended?.[1]).toMatchObject({
    attempts: 2,
    roleName: 'app-role',
    expiration: expiration.toISOString(),
  })
})

test('publishes a failed load', async () => {
  const heard = listen()
  const { instance, provider } = setup()
  instance.disassociateProfile()
  await expect(provider()).rejects.toMatchObject({ code: 'NO_ROLE' })
  expect(heard.slice(-2)).toEqual([
    ['instance-role:load:error', { attempts: 1, durationMs: 0, errorCode: 'NO_ROLE', step: 'role' }],
    [
      'instance-role:calls-failing',
      { since: '2026-01-01T00:00:00.000Z', errorCode: 'NO_ROLE', step: 'role' },
    ],
  ])
})

test('publishes once that calls begin to fail, and how many failed when they succeed again', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  instance.disassociateProfile()
  await clock.advance(7 * HOUR)
  const heard = listen()
  for (let call = 0; call < 5; call += 1) {
    await expect(Promise.all([provider(), provider()])).rejects.toMatchObject({ code: 'NO_ROLE' })
    await clock.advance(20 * MINUTE)
  }
  instance.attachRole('late-role')
  await Promise.all([provider(), provider()])
  const since = '2026-01-01T07:00:00.000Z'
  expect(heard.filter(([name]) => name.startsWith('instance-role:calls-'))).toEqual([
    ['instance-role:calls-failing', { since, errorCode: 'NO_ROLE', step: 'role', roleName: 'app-role' }],
    ['instance-role:calls-recovered', { since, failedCalls: 10 }],
  ])
  expect(heard.map(([name]) => name)).not.toContain('instance-role:refresh-failed')
})

test('publishes no failing calls if a caller gives up or is wrong, or the provider is closed', async () => {
  const { create, instance } = setup()
  const heard = listen()
  instance.failUntilLifted('all', 'silence')
  const [one, other] = [create(), create()]
  const end = new AbortController()
  const abandoned = one({ abortSignal: end.signal })
  end.abort(new Error('no longer wanted'))
  await expect(abandoned).rejects.toThrow('no longer wanted')
  await expect(one({ minTtl: -1 })).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  const closed = expect(other()).rejects.toMatchObject({ code: 'CLOSED' })
  await other.close()
  await closed
  expect(heard.filter(([name]) => name.startsWith('instance-role:calls-'))).toEqual([])
})

test('publishes a failed refresh, the extension and the recovery', async () => {
  const { clock, instance, provider } = setup()
  const held = await provider()
  const heard = listen()
  const lift = instance.failUntilLifted('all', { status: 500 })
  await provider({ forceRefresh: true })
  expect(heard.at(-1)).toEqual([
    'instance-role:refresh-failed',
    {
      roleName: 'app-role',
      errorCode: 'SERVER_ERROR',
      step: 'credentials',
      expiration: held.expiration.toISOString(),
      nextRefresh: provider.status().nextRefresh,
    },
  ])
  await clock.advance(6 * HOUR)
  const extended = await provider()
  expect(heard.at(-1)).toEqual([
    'instance-role:extended',
    {
      roleName: 'app-role',
      errorCode: 'SERVER_ERROR',
      step: 'token',
      originalExpiration: held.expiration.toISOString(),
      expiration: extended.expiration.toISOString(),
      nextRefresh: provider.status().nextRefresh,
    },
  ])
  expect(heard.filter(([name]) => name === 'instance-role:refresh-failed')).toHaveLength(1)
  lift()
  const fresh = await provider({ forceRefresh: true })
  expect(heard.at(-1)).toEqual([
    'instance-role:refreshed',
    { roleName: 'app-role', expiration: fresh.expiration.toISOString(), isNew: true },
  ])
})

test('publishes that the role changed and that it was detached', async () => {
  const { instance, provider } = setup()
  await provider()
  const heard = listen()
  instance.replaceProfile(instanceProfile({ name: 'other-profile', role: iamRole({ name: 'other-role' }) }))
  const { expiration } = await provider({ forceRefresh: true })
  expect(heard).toContainEqual(['instance-role:role-changed', { from: 'app-role', to: 'other-role' }])
  instance.disassociateProfile()
  await provider({ forceRefresh: true })
  expect(heard.at(-1)).toEqual([
    'instance-role:role-detached',
    { roleName: 'other-role', expiration: expiration.toISOString() },
  ])
})

test('publishes each detachment once, whatever fails in between', async () => {
  const { clock, instance, provider } = setup()
  await provider()
  const heard = listen()
  const failOnce = async (): Promise<void> => {
    await provider({ forceRefresh: true })
    await clock.advance(MINUTE)
  }
  instance.disassociateProfile()
  await failOnce()
  const lift = instance.failUntilLifted('all', { status: 403 })
  await failOnce()
  lift()
  await failOnce()
  instance.attachRole('app-role')
  await provider({ forceRefresh: true })
  instance.disassociateProfile()
  await failOnce()
  const told = heard.filter(([name]) => /refresh-failed|role-detached/.test(name))
  expect(told.map(([name]) => name.replace('instance-role:', ''))).toEqual([
    'refresh-failed',
    'role-detached',
    'refresh-failed',
    'refresh-failed',
    'refresh-failed',
    'role-detached',
  ])
})

test("publishes that calls fail if the program's dispatcher cannot send", async () => {
  const heard = listen()
  const provider = setup().create({ dispatcher: { request: () => Promise.reject(new TypeError('no URL')) } })
  await expect(provider()).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  expect(heard.at(-1)).toMatchObject(['instance-role:calls-failing', { errorCode: 'BAD_CONFIG' }])
})

test('publishes that IMDSv1 was used', async () => {
  const heard = listen()
  const { instance, provider } = setup({ httpTokens: 'optional', provider: { imdsV1Fallback: true } })
  instance.fail('token', { status: 404 })
  await provider()
  expect(heard).toContainEqual(['instance-role:v1-used', { endpoint: 'http://169.254.169.254' }])
})

test('publishes nothing for a cached call', async () => {
  const { clock, provider } = setup()
  await provider()
  const heard = listen()
  await clock.advance(MINUTE)
  for (let call = 0; call < 100; call += 1) await provider()
  expect(heard).toEqual([])
})
