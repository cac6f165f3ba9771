import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { fromProcess } from '@aws-sdk/credential-providers'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type EmulatedInstance, emulateInstance } from '../../src/testing/index.js'
import { isOnPath } from '../on-path.js'
import { credentialProcessFile, MAIN, runCli } from './run-cli.js'

const run = promisify(execFile)
const hasScript = process.platform === 'linux' && isOnPath('script')

async function listening() {
  const instance = emulateInstance()
  onTestFinished(() => instance.close())
  const { env } = await instance.listen()
  return { instance, env }
}

function documentOf({ credentials }: EmulatedInstance) {
  return {
    Version: 1,
    AccessKeyId: credentials?.accessKeyId,
    SecretAccessKey: credentials?.secretAccessKey,
    SessionToken: credentials?.sessionToken,
    Expiration: credentials?.expiration.toISOString(),
  }
}

test('prints what a credential_process prints, and nothing else', async () => {
  const { instance, env } = await listening()
  const { status, stdout, stderr } = await runCli(['credentials'], { env })
  expect(JSON.parse(stdout)).toEqual(documentOf(instance))
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

test('prints an error as one line on stderr, with code, fix and link', async () => {
  const { instance, env } = await listening()
  instance.disassociateProfile()
  const { status, stdout, stderr } = await runCli(['credentials'], { env })
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(
    /^instance-role: NO_ROLE: IMDS at http:\S+ lists no role \(404\): .* Attach an instance profile .* https:\S+\n$/,
  )
})

test('names a malformed setting', async () => {
  const env = { AWS_METADATA_SERVICE_TIMEOUT: 'soon' }
  const { status, stderr } = await runCli(['credentials'], { env })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^instance-role: BAD_CONFIG: .*AWS_METADATA_SERVICE_TIMEOUT/)
})

test('answers an unknown flag with a line and status 2', async () => {
  const { status, stdout, stderr } = await runCli(['credentials', '--nonsense'])
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(/^instance-role credentials: Unknown option '--nonsense'\n$/)
})

test("serves the SDK's fromProcess", async () => {
  const { instance, env } = await listening()
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', env.AWS_EC2_METADATA_SERVICE_ENDPOINT)
  onTestFinished(() => void vi.unstubAllEnvs())
  const provider = fromProcess({ configFilepath: credentialProcessFile(), ignoreCache: true })
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = await provider()
  expect(instance.credentials).toMatchObject({ accessKeyId, secretAccessKey, sessionToken, expiration })
})

test.skipIf(!hasScript)(
  'warns before it writes secrets to a terminal (where this machine has script)',
  async () => {
    const { env } = await listening()
    const command = `"${process.execPath}" "${MAIN}" credentials 2>/dev/stdout >/dev/tty`
    const { stdout } = await run('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, ...env },
    })
    expect(stdout).toMatch(/^instance-role: these are secrets; .*\r?\n\{/)
  },
)
