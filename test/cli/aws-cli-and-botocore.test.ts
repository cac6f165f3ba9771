// The AWS CLI and botocore use the emulated instance and the built command, on machines that have them.
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { startVerifyingAwsEndpoint } from '../../examples/emulated-aws/verifying-aws-endpoint.js'
import { isOnPath } from '../on-path.js'
import { listeningInstance } from '../package/child.js'
import { FIRST_LOAD } from '../setup.js'
import { credentialProcessFile, requestLines, startEmulate } from './run-cli.js'

const hasAwsCli = isOnPath('aws')
const hasBotocore = spawnSync('python3', ['-c', 'import botocore'], { stdio: 'ignore' }).status === 0

/** Runs a program that has nothing in its environment but `env`. */
async function outputOf(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const noFiles = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
  const surroundings = { env: { PATH: process.env['PATH'], ...noFiles, ...env } }
  return (await promisify(execFile)(command, args, surroundings)).stdout
}

test.skipIf(!hasBotocore)('botocore gets credentials from an emulated instance', async () => {
  const { instance, server } = await listeningInstance()
  const script = `
import json
from botocore.session import Session
resolved = Session().get_credentials()
keys = resolved.get_frozen_credentials()
print(json.dumps([resolved.method, keys.access_key, keys.secret_key, keys.token]))`
  const { accessKeyId, secretAccessKey, sessionToken } = instance.credentials ?? {}
  const keys = ['iam-role', accessKeyId, secretAccessKey, sessionToken]
  expect(JSON.parse(await outputOf('python3', ['-c', script], server.env))).toEqual(keys)
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test.skipIf(!hasBotocore)('botocore gets no credentials if EC2 may not assume the role', async () => {
  const { instance, server } = await listeningInstance()
  if (instance.role) instance.role.trustPolicy = { Statement: [] }
  const script = 'from botocore.session import Session; print(Session().get_credentials())'
  expect(await outputOf('python3', ['-c', script], server.env)).toBe('None\n')
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test.skipIf(!hasAwsCli)('the AWS CLI uses the role of an emulated instance', async () => {
  const { instance, server } = await listeningInstance()
  const listed = await outputOf('aws', ['configure', 'list'], server.env)
  expect(listed).toMatch(new RegExp(`${instance.credentials?.accessKeyId.slice(-4) ?? 'none'}.*iam-role`))
  expect(instance.requests).toEqual(expect.arrayContaining(FIRST_LOAD))
})

test.skipIf(!hasBotocore)('botocore gets credentials with the variables that `emulate` prints', async () => {
  const { env, stderr } = await startEmulate()
  const script = 'from botocore.session import Session; print(Session().get_credentials().access_key)'
  expect(await outputOf('python3', ['-c', script], env)).toMatch(/^FAKE\w+\n$/)
  expect(requestLines(stderr())).toEqual(FIRST_LOAD)
})

test.skipIf(!hasAwsCli)('the AWS CLI uses the role with the variables that `emulate` prints', async () => {
  const { env } = await startEmulate()
  expect(await outputOf('aws', ['configure', 'list'], env)).toMatch(/access_key.*iam-role/)
})

test.skipIf(!hasAwsCli)('the AWS CLI runs `credentials` as its credential_process', async () => {
  const { instance, server } = await listeningInstance()
  const sts = await startVerifyingAwsEndpoint({ findCredentials: (key) => instance.findCredentials(key) })
  onTestFinished(() => sts.close())
  const surroundings = { ...server.env, AWS_CONFIG_FILE: credentialProcessFile() }
  expect(await outputOf('aws', ['configure', 'list'], surroundings)).toMatch(/access_key.* custom-process/)
  const call = ['sts', 'get-caller-identity', '--endpoint-url', sts.url, '--output', 'json']
  expect(JSON.parse(await outputOf('aws', call, surroundings))).toMatchObject({
    Arn: `arn:aws:sts::123456789012:assumed-role/app-role/session`,
  })
})
