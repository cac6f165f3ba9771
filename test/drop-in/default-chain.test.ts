import { createServer } from 'node:http'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { startVerifyingAwsEndpoint } from '../../examples/emulated-aws/verifying-aws-endpoint.js'
import { emulateInstance, type InstanceOptions } from '../../src/testing/index.js'
import { closedEndpoint } from '../diagnosis/examine.js'
import { outputOf } from '../matrix/child-process.js'
import { FIRST_LOAD } from '../setup.js'
import { createOverriddenProject, type OverriddenProject } from './overridden-project.js'

vi.setConfig({ hookTimeout: 120_000, testTimeout: 60_000 })

let project: OverriddenProject
beforeAll(async () => {
  project = await createOverriddenProject()
})
afterAll(() => project.remove())

async function startInstance(options: InstanceOptions = {}) {
  const instance = emulateInstance(options)
  onTestFinished(() => instance.close())
  const { env } = await instance.listen()
  return { instance, env }
}

test.each(['default-chain.mjs', 'default-chain.cjs'])(
  'makes all default credentials of an unchanged program share one load: %s',
  async (program) => {
    const { instance, env } = await startInstance()
    const aws = await startVerifyingAwsEndpoint({ findCredentials: (key) => instance.findCredentials(key) })
    onTestFinished(() => aws.close())
    const key = instance.credentials?.accessKeyId
    expect(await project.run(program, [aws.url], env)).toEqual({
      calls: 'accepted',
      nodeProviderChain: key,
      profile: key,
      instanceMetadata: key,
    })
    expect(aws.requests).toHaveLength(10)
    expect(instance.requests).toEqual(FIRST_LOAD)
  },
)

test.each(['default-credentials.mjs', 'default-credentials.cjs'])(
  'makes a client report what is wrong with the role: %s',
  async (program) => {
    const { instance, env } = await startInstance()
    instance.disassociateProfile()
    expect(await project.run(program, [], env)).toMatchObject({
      client: { name: 'InstanceRoleError', code: 'NO_ROLE' },
    })
  },
)

test("lets a client report the SDK's error if there is no IMDS", async () => {
  const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: await closedEndpoint() }
  expect(await project.run('default-credentials.mjs', [], env)).toEqual({
    client: { name: 'CredentialsProviderError', message: 'Could not load credentials from any providers' },
  })
})

test("lets a client report the SDK's error if IMDS is disabled", async () => {
  const { instance, env } = await startInstance()
  const disabled = { ...env, AWS_EC2_METADATA_DISABLED: 'true' }
  expect(await project.run('default-credentials.mjs', [], disabled)).toEqual({
    client: { name: 'CredentialsProviderError', message: 'Could not load credentials from any providers' },
  })
  expect(instance.requests).toEqual([])
})

/** As an ECS task has it. */
async function startContainerCredentials(accessKeyId: string): Promise<string> {
  const set = { AccessKeyId: accessKeyId, SecretAccessKey: 'container-secret', Token: 'container-token' }
  const body = JSON.stringify({ ...set, Expiration: new Date(Date.now() + 3_600_000).toISOString() })
  const server = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`
}

test.each(['default-credentials.mjs', 'default-credentials.cjs'])(
  'leaves container credentials to the official package: %s',
  async (program) => {
    const { instance, env } = await startInstance()
    const uri = await startContainerCredentials('CONTAINERKEYID')
    const inTask = { ...env, AWS_CONTAINER_CREDENTIALS_FULL_URI: uri }
    expect(await project.run(program, [], inTask)).toEqual({
      client: 'CONTAINERKEYID',
      container: 'CONTAINERKEYID',
    })
    expect(instance.requests).toEqual([])
  },
)

test('uses access keys in the environment, as in a Lambda function', async () => {
  const { instance, env } = await startInstance()
  const keys = { AWS_ACCESS_KEY_ID: 'LAMBDAKEYID', AWS_SECRET_ACCESS_KEY: 'lambda-secret' }
  expect(await project.run('default-credentials.mjs', [], { ...env, ...keys })).toEqual({
    client: 'LAMBDAKEYID',
  })
  expect(instance.requests).toEqual([])
})

// Fails if an override replaces what the drop-in itself builds on.
test('replaces the official package, and has it under another name', async () => {
  const nameOf = async (path: string): Promise<unknown> => {
    const text = await readFile(join(project.folder, 'node_modules', path, 'package.json'), 'utf8')
    return (JSON.parse(text) as { name: string }).name
  }
  expect(await nameOf('@smithy/credential-provider-imds')).toBe('instance-role-imds')
  expect(await nameOf('official-imds')).toBe('@smithy/credential-provider-imds')
})

const COMPARE_EXPORTS = `
  const { createRequire } = await import('node:module')
  const require = createRequire(process.cwd() + '/x.js')
  const official = require('official-imds')
  const compare = (ours) => Object.keys(official).filter((name) => ours[name] !== official[name])
  const esm = await import('@smithy/credential-provider-imds')
  console.log(JSON.stringify({
    all: Object.keys(official).length,
    esm: compare(esm),
    cjs: compare(require('@smithy/credential-provider-imds')),
  }))`

test('exports everything of the official package except one function, in both formats', async () => {
  await writeFile(join(project.folder, 'compare.mjs'), COMPARE_EXPORTS)
  const command = { executable: process.execPath, args: ['compare.mjs'], cwd: project.folder }
  const { all, ...others } = JSON.parse(await outputOf(command)) as Record<string, unknown>
  expect(others).toEqual({ esm: ['fromInstanceMetadata'], cjs: ['fromInstanceMetadata'] })
  expect(all).toBeGreaterThan(8)
})

const TYPED = `
import { fromContainerMetadata, fromInstanceMetadata, type RemoteProviderInit } from '@smithy/credential-provider-imds'
import * as official from 'official-imds'

const init: RemoteProviderInit = { timeout: 1, maxRetries: 2, profile: 'a', ec2MetadataV1Disabled: true }
export const same: typeof official.fromInstanceMetadata = fromInstanceMetadata
export const key: Promise<string> = fromInstanceMetadata(init)().then(({ accessKeyId }) => accessKeyId)
export const container = fromContainerMetadata()
// @ts-expect-error a wrong option is found, so the types are not those of \`any\`
fromInstanceMetadata({ timeout: 'soon' })
`

test('has the types of the official package, in both formats', async () => {
  const files = ['typed.mts', 'typed.cts']
  for (const file of files) await writeFile(join(project.folder, file), TYPED)
  const compilerOptions = {
    ...{ target: 'ES2022', module: 'NodeNext', types: [], strict: true, noEmit: true, skipLibCheck: true },
  }
  const tsconfig = join(project.folder, 'tsconfig.json')
  await writeFile(tsconfig, JSON.stringify({ compilerOptions, files }))
  const tsc = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')
  const args = [tsc, '--project', tsconfig]
  expect(await outputOf({ executable: process.execPath, args, cwd: project.folder })).toBe('')
})
