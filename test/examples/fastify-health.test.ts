import { expect, test } from 'vitest'
import { healthOf } from '../../examples/fastify/health.js'
import { HOUR, setup } from '../setup.js'

test('is failing before the first call, ok with credentials, degraded in an outage, failing once the role is gone', async () => {
  const { clock, instance, provider } = setup()
  const status = (): string => healthOf(provider.status(), clock.now()).status
  expect(status()).toBe('failing')
  await provider()
  expect(status()).toBe('ok')
  instance.disassociateProfile()
  await provider({ forceRefresh: true })
  expect(status()).toBe('degraded')
  await clock.advance(7 * HOUR)
  expect(status()).toBe('failing')
})

test('shows what can be serialised, and comes back the same', async () => {
  const { clock, provider } = setup()
  await provider()
  const health = healthOf(provider.status(), clock.now())
  expect(JSON.parse(JSON.stringify(health))).toEqual(health)
  expect(health.credentials).toEqual({
    roleName: 'app-role',
    expiration: '2026-01-01T06:00:00.000Z',
    lastSuccess: '2026-01-01T00:00:00.000Z',
    nextRefresh: expect.stringMatching(/^2026-01-01T0[23]:/) as string,
    requests: 3,
  })
})
