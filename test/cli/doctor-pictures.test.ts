import { expect, test } from 'vitest'
import { closedEndpoint, homeWithKeys, normalized, runDoctor, type Scenario } from './run-doctor.js'

const PICTURES: readonly (readonly [
  name: string,
  status: number,
  scenario: () => Scenario | Promise<Scenario>,
])[] = [
  ['healthy', 0, () => ({})],
  ['no-role', 1, () => ({ make: (instance) => instance.disassociateProfile() })],
  ['profile-without-role', 1, () => ({ make: (instance) => instance.profile?.removeRole() })],
  [
    'trust-policy-wrong',
    1,
    () => ({
      make: ({ role }) => {
        if (role) role.trustPolicy = { Statement: [] }
      },
    }),
  ],
  ['hop-limit', 1, () => ({ options: { hopsAway: 1 }, env: { AWS_METADATA_SERVICE_TIMEOUT: '0.5' } })],
  ['disabled', 1, () => ({ env: { AWS_EC2_METADATA_DISABLED: 'true' } })],
  ['off-ec2', 1, async () => ({ env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: await closedEndpoint() } })],
  ['proxy-set', 0, () => ({ env: { HTTP_PROXY: 'http://user:proxy-password@127.0.0.1:9' } })],
  [
    'static-keys-present',
    0,
    () => ({
      env: { AWS_ACCESS_KEY_ID: 'STATICKEYID', AWS_SECRET_ACCESS_KEY: 'static-secret', ...homeWithKeys() },
    }),
  ],
]

test.each(PICTURES)('shows a person the whole picture: %s', async (name, expected, scenario) => {
  const { status, stdout, stderr, instance } = await runDoctor(await scenario())
  await expect(normalized(stdout)).toMatchFileSnapshot(`pictures/${name}.txt`)
  expect({ status, stderr }).toEqual({ status: expected, stderr: '' })
  const { accessKeyId, secretAccessKey, sessionToken } = instance.credentials ?? {}
  const issued = [accessKeyId, secretAccessKey, sessionToken].filter((secret) => secret !== undefined)
  for (const secret of [...issued, 'proxy-password', 'STATICKEYID', 'static-secret'])
    expect(stdout).not.toContain(secret)
})
