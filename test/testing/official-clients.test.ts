import { fromInstanceMetadata } from '@smithy/credential-provider-imds'
import { setupServer } from 'msw/node'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type EmulatedInstance, emulateInstance } from '../../src/testing/index.js'

const LISTING_PATH = '/latest/meta-data/iam/security-credentials/'
const ONE_LOAD = ['PUT /latest/api/token 200', `GET ${LISTING_PATH} 200`, `GET ${LISTING_PATH}app-role 200`]

async function listening(instance = emulateInstance()) {
  onTestFinished(() => instance.close())
  const server = await instance.listen()
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', server.endpoint)
  onTestFinished(() => void vi.unstubAllEnvs())
  return { instance, server }
}

function keysOf(instance: EmulatedInstance) {
  const { accessKeyId, secretAccessKey, sessionToken } = instance.credentials ?? {}
  return { accessKeyId, secretAccessKey, sessionToken }
}

test('@smithy/credential-provider-imds gets credentials over loopback', async () => {
  const { instance } = await listening()
  const credentials = await fromInstanceMetadata()()
  expect(credentials).toMatchObject({ ...keysOf(instance), expiration: instance.credentials?.expiration })
  expect(instance.requests).toEqual(ONE_LOAD)
})

test('@smithy/credential-provider-imds gets credentials over msw', async () => {
  const instance = emulateInstance()
  const server = setupServer(...instance.handlers)
  server.listen({ onUnhandledRequest: 'error' })
  onTestFinished(() => server.close())
  expect(await fromInstanceMetadata()()).toMatchObject(keysOf(instance))
  expect(instance.requests).toEqual(ONE_LOAD)
})

test('@smithy/credential-provider-imds gets new credentials after a rotation', async () => {
  const { instance } = await listening()
  const provider = fromInstanceMetadata()
  const first = await provider()
  instance.rotate()
  const second = await provider()
  expect(second).toMatchObject(keysOf(instance))
  expect(second.accessKeyId).not.toBe(first.accessKeyId)
})

test('@smithy/credential-provider-imds fails if there is no role', async () => {
  const { instance } = await listening()
  instance.disassociateProfile()
  await expect(fromInstanceMetadata()()).rejects.toThrow()
  expect(instance.requests.at(-1)).toBe(`GET ${LISTING_PATH} 404`)
})

test('@smithy/credential-provider-imds recovers from a fault if it may retry', async () => {
  const { instance } = await listening()
  instance.fail('credentials', 'broken-json', 'reset')
  expect(await fromInstanceMetadata({ maxRetries: 2 })()).toMatchObject(keysOf(instance))
})
