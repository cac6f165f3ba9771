import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { fromInstanceMetadata } from '@smithy/credential-provider-imds'
import { setupServer } from 'msw/node'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type EmulatedInstance, emulateInstance } from '../../src/testing/index.js'
import { isOnPath } from '../on-path.js'

const LISTING_PATH = '/latest/meta-data/iam/security-credentials/'
const ONE_LOAD = ['PUT /latest/api/token 200', `GET ${LISTING_PATH} 200`, `GET ${LISTING_PATH}app-role 200`]

const run = promisify(execFile)
const hasAwsCli = isOnPath('aws')
const hasBotocore = spawnSync('python3', ['-c', 'import botocore'], { stdio: 'ignore' }).status === 0

async function listening(instance = emulateInstance()) {
  onTestFinished(() => instance.close())
  const server = await instance.listen()
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', server.endpoint)
  onTestFinished(() => void vi.unstubAllEnvs())
  return { instance, server }
}

/** What a program in another language has in its environment on an instance: nothing but the way to IMDS. */
function environment(server: { env: Readonly<Record<string, string>> }): NodeJS.ProcessEnv {
  const noFiles = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
  return { PATH: process.env['PATH'], ...noFiles, ...server.env }
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

test('@smithy/credential-provider-imds gets the next set after a rotation', async () => {
  const { instance } = await listening()
  const provider = fromInstanceMetadata()
  const first = await provider()
  instance.rotate()
  const second = await provider()
  expect(second).toMatchObject(keysOf(instance))
  expect(second.accessKeyId).not.toBe(first.accessKeyId)
})

test('@smithy/credential-provider-imds fails where there is no role', async () => {
  const { instance } = await listening()
  instance.disassociateProfile()
  await expect(fromInstanceMetadata()()).rejects.toThrow()
  expect(instance.requests.at(-1)).toBe(`GET ${LISTING_PATH} 404`)
})

test('@smithy/credential-provider-imds gets over a fault when it may try again', async () => {
  const { instance } = await listening()
  instance.fail('credentials', 'broken-json', 'reset')
  expect(await fromInstanceMetadata({ maxRetries: 2 })()).toMatchObject(keysOf(instance))
})

test.skipIf(!hasBotocore)('botocore gets credentials (where this machine has it)', async () => {
  const { instance, server } = await listening()
  const script = `
import json
from botocore.session import Session
resolved = Session().get_credentials()
keys = resolved.get_frozen_credentials()
print(json.dumps([resolved.method, keys.access_key, keys.secret_key, keys.token]))`
  const { stdout } = await run('python3', ['-c', script], { env: environment(server) })
  const { accessKeyId, secretAccessKey, sessionToken } = keysOf(instance)
  expect(JSON.parse(stdout)).toEqual(['iam-role', accessKeyId, secretAccessKey, sessionToken])
  expect(instance.requests).toEqual(ONE_LOAD)
})

test.skipIf(!hasBotocore)('botocore sees that EC2 may not assume the role', async () => {
  const { instance, server } = await listening()
  if (instance.role) instance.role.trustPolicy = { Statement: [] }
  const script = 'from botocore.session import Session; print(Session().get_credentials())'
  const { stdout } = await run('python3', ['-c', script], { env: environment(server) })
  expect(stdout.trim()).toBe('None')
  expect(instance.requests).toEqual(ONE_LOAD)
})

test.skipIf(!hasAwsCli)('the AWS CLI uses the role by itself (where this machine has it)', async () => {
  const { instance, server } = await listening()
  const { stdout } = await run('aws', ['configure', 'list'], { env: environment(server) })
  expect(stdout).toMatch(new RegExp(`${instance.credentials?.accessKeyId.slice(-4) ?? 'none'}.*iam-role`))
  expect(instance.requests).toEqual(expect.arrayContaining(ONE_LOAD))
})
