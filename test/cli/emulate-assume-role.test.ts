import { join } from 'node:path'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { expect, inject, onTestFinished, test } from 'vitest'
import { fromInstanceRole } from '../../src/index.js'
import {
  startVerifyingAwsEndpoint,
  type IssuedCredentials,
} from '../../examples/emulated-aws/verifying-aws-endpoint.js'
import { runCli, startEmulate } from './run-cli.js'

const ARN = 'arn:aws:iam::111122223333:role/service/real-role'
const MINUTE = 60_000

const DEVELOPER = {
  secretAccessKey: 'developer-secret',
  sessionToken: 'developer-session-token',
  roleName: 'developer',
  accountId: '111122223333',
}

/** An STS that knows the developer, and the environment of the developer. */
async function setup({
  clockBehindMs = 0,
  knows = () => true,
}: { clockBehindMs?: number; knows?: () => boolean } = {}) {
  const developer: IssuedCredentials = { ...DEVELOPER, expiration: new Date(Date.now() + 60 * MINUTE) }
  const sts = await startVerifyingAwsEndpoint({
    findCredentials: (key) => (key === 'DEVELOPER' && knows() ? developer : undefined),
    now: () => Date.now() - clockBehindMs,
  })
  onTestFinished(() => sts.close())
  const env = {
    AWS_ACCESS_KEY_ID: 'DEVELOPER',
    AWS_SECRET_ACCESS_KEY: DEVELOPER.secretAccessKey,
    AWS_SESSION_TOKEN: DEVELOPER.sessionToken,
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_REGION: 'eu-central-1',
  }
  return { sts, env }
}

function assumptions(sts: { readonly requests: readonly { readonly operation: string }[] }): number {
  return sts.requests.filter(({ operation }) => operation === 'AssumeRole').length
}

function provider(endpoint: string) {
  const credentials = fromInstanceRole({ endpoint, isolated: true })
  onTestFinished(() => credentials.close())
  return credentials
}

test('serves real credentials of the role, with a warning, and logs none of them', async () => {
  const { sts, env } = await setup()
  const { endpoint, stderr } = await startEmulate(['--assume-role', ARN], { env })
  const credentials = provider(endpoint)
  const client = new STSClient({ endpoint: sts.url, region: 'eu-central-1', credentials })
  onTestFinished(() => client.destroy())
  const { Arn } = await client.send(new GetCallerIdentityCommand())
  expect(Arn).toBe('arn:aws:sts::111122223333:assumed-role/real-role/session')
  expect(stderr()).toContain(
    `warning: any process on this machine can read the real credentials of ${ARN} served here\n`,
  )
  const { accessKeyId, secretAccessKey, sessionToken } = await credentials()
  for (const secret of [accessKeyId, secretAccessKey, sessionToken, DEVELOPER.secretAccessKey])
    expect(stderr()).not.toContain(secret)
})

test('requests the --lifetime from STS, and serves the role under the --role-name', async () => {
  const { env } = await setup()
  const flags = ['--assume-role', ARN, '--lifetime', '2h', '--role-name', 'as-on-ec2']
  const { endpoint } = await startEmulate(flags, { env })
  const credentials = provider(endpoint)
  const { expiration } = await credentials()
  expect(Math.round((expiration.getTime() - Date.now()) / MINUTE)).toBe(120)
  expect(credentials.status().roleName).toBe('as-on-ec2')
})

// Both at the same time, because they wait for the real clock.
test('renews real credentials before they expire, and keeps serving the old ones if STS refuses new ones', async () => {
  // Credentials of 15 minutes, issued 14 minutes and 56 seconds ago.
  const clockBehindMs = 15 * MINUTE - 4_000
  let known = 1
  const giving = await setup({ clockBehindMs })
  const refusing = await setup({ clockBehindMs, knows: () => (known -= 1) >= 0 })
  const flags = ['--assume-role', ARN, '--lifetime', '15m']
  const startFirst = async () => {
    const run = await startEmulate(flags, giving)
    return { ...run, first: await provider(run.endpoint)() }
  }
  const [renewed, kept] = await Promise.all([startFirst(), startEmulate(flags, refusing)])
  const hasSaid = (text: string, { stderr }: typeof kept): Promise<void> =>
    expect.poll(stderr, { timeout: 3_500, interval: 20 }).toContain(text)

  await hasSaid('renewed the credentials', renewed)
  const second = await provider(renewed.endpoint)()
  expect(second.accessKeyId).not.toBe(renewed.first.accessKeyId)
  expect(assumptions(giving.sts)).toBeGreaterThanOrEqual(2)

  const reason = 'InvalidClientTokenId: The security token'
  await hasSaid(`not renewed: STS gave no credentials of ${ARN}: ${reason}`, kept)
  expect((await provider(kept.endpoint)()).accessKeyId).toMatch(/^ASIA/)
  kept.child.kill('SIGTERM')
  expect(await kept.ended).toBe(0)
})

test('says in one line that STS refuses', async () => {
  const { env } = await setup()
  const run = await runCli(['emulate', '--port', '0', '--assume-role', ARN], {
    env: { ...env, AWS_SECRET_ACCESS_KEY: 'wrong' },
  })
  expect(run).toMatchObject({ status: 1, stdout: '' })
  expect(run.stderr).toMatch(
    new RegExp(`^instance-role emulate: STS gave no credentials of ${ARN}: SignatureDoesNotMatch: .*\n$`),
  )
})

test('says in one line that the developer has no credentials', async () => {
  const run = await runCli(['emulate', '--port', '0', '--assume-role', ARN], {
    env: { AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: 'eu-central-1' },
  })
  expect(run).toMatchObject({ status: 1, stdout: '' })
  expect(run.stderr).toMatch(/^instance-role emulate: STS gave no credentials of .*\n$/)
})

test('says in one line that @aws-sdk/credential-providers is missing', async () => {
  const folder = inject('bareProject')
  const main = join(folder, 'node_modules/instance-role/dist/cli/main.js')
  expect(await runCli(['emulate', '--assume-role', ARN], { main, cwd: folder })).toEqual({
    status: 1,
    stdout: '',
    stderr:
      'instance-role emulate: --assume-role needs @aws-sdk/credential-providers: npm install @aws-sdk/credential-providers\n',
  })
})
