import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { createApp } from '../../examples/fastify/app.js'
import { emulateInstance } from '../../src/testing/index.js'
import { startVerifyingAwsEndpoint } from '../sdk/verifying-aws-endpoint.js'

async function setUp() {
  const instance = emulateInstance()
  const { endpoint: imdsEndpoint } = await instance.listen()
  const aws = await startVerifyingAwsEndpoint({ findCredentials: (key) => instance.findCredentials(key) })
  const app = createApp({ region: 'eu-central-1', imdsEndpoint, stsEndpoint: aws.url })
  onTestFinished(async () => {
    await app.close()
    await aws.close()
    await instance.close()
  })
  return { app, instance }
}

test('calls AWS as the role of the instance', async () => {
  const { app } = await setUp()
  const response = await app.inject('/whoami')
  expect(response.json()).toEqual({ arn: 'arn:aws:sts::123456789012:assumed-role/app-role/session' })
})

test('is ready with credentials, and says nothing secret of them', async () => {
  const { app, instance } = await setUp()
  const response = await app.inject('/health')
  expect(response.statusCode).toBe(200)
  expect(response.json()).toMatchObject({ ready: true, credentials: { roleName: 'app-role' } })
  expect(response.body).not.toContain(instance.credentials?.accessKeyId)
})

test('is not ready without a role', async () => {
  const { app, instance } = await setUp()
  instance.disassociateProfile()
  const response = await app.inject('/health')
  expect(response.statusCode).toBe(503)
  expect(response.json()).toMatchObject({ ready: false, credentials: {} })
})

test('closes the provider with the app', async () => {
  const { app } = await setUp()
  await app.inject('/whoami')
  await app.close()
  await expect(app.credentials()).rejects.toMatchObject({ code: 'CLOSED' })
})

test('runs with one command, and exits', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'examples/fastify/main.ts'],
    { cwd: root },
  )
  expect(stdout).toContain('/whoami 200')
})
