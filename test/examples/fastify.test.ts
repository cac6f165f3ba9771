import { expect, onTestFinished, test } from 'vitest'
import { onEc2 } from './on-ec2.js'

async function setUp() {
  const { instance } = await onEc2()
  const { createApp } = await import('../../examples/fastify/app.js')
  const app = createApp()
  onTestFinished(() => app.close())
  return { app, instance }
}

test('calls AWS as the role of the instance', async () => {
  const { app } = await setUp()
  const response = await app.inject('/whoami')
  expect(response.json()).toEqual({ arn: 'arn:aws:sts::123456789012:assumed-role/app-role/session' })
})

test('is healthy with credentials, and shows nothing secret', async () => {
  const { app, instance } = await setUp()
  const response = await app.inject('/health')
  expect(response.statusCode).toBe(200)
  expect(response.json()).toMatchObject({ state: 'ok', roleName: 'app-role' })
  expect(response.body).not.toContain(instance.credentials?.accessKeyId)
})

test('is failing without a role, and says why', async () => {
  const { app, instance } = await setUp()
  instance.disassociateProfile()
  const response = await app.inject('/health')
  expect(response.statusCode).toBe(503)
  expect(response.json()).toMatchObject({ state: 'failing', lastErrorCode: 'NO_ROLE' })
})

test('is degraded, and answers 200, while the credentials are valid and IMDS is down', async () => {
  const { app, instance } = await setUp()
  await app.inject('/health')
  instance.failUntilLifted('all', { status: 403 })
  await app.credentials({ forceRefresh: true })
  const response = await app.inject('/health')
  expect(response.statusCode).toBe(200)
  expect(response.json()).toMatchObject({ state: 'degraded', lastErrorCode: 'IMDS_DISABLED' })
})

test('closes the provider with the app', async () => {
  const { app } = await setUp()
  await app.inject('/whoami')
  await app.close()
  await expect(app.credentials()).rejects.toMatchObject({ code: 'CLOSED' })
})
