import { expect, test } from 'vitest'
import { closedEndpoint, examine, type Patient } from './examine.js'

const PICTURES: readonly (readonly [
  name: string,
  isHealthy: boolean,
  patient: () => Patient | Promise<Patient>,
])[] = [
  ['healthy', true, () => ({})],
  ['no-role', false, () => ({ make: (instance) => instance.disassociateProfile() })],
  ['profile-without-role', false, () => ({ make: (instance) => instance.profile?.removeRole() })],
  [
    'trust-policy-wrong',
    false,
    () => ({
      make: ({ role }) => {
        if (role) role.trustPolicy = { Statement: [] }
      },
    }),
  ],
  ['hop-limit', false, () => ({ options: { hopsAway: 1 }, env: { AWS_METADATA_SERVICE_TIMEOUT: '0.5' } })],
  ['disabled', false, () => ({ env: { AWS_EC2_METADATA_DISABLED: 'true' } })],
  ['off-ec2', false, async () => ({ env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: await closedEndpoint() } })],
  ['proxy-set', true, () => ({ env: { HTTP_PROXY: 'http://user:proxy-password@127.0.0.1:9' } })],
  [
    'static-keys-present',
    true,
    () => ({
      env: { AWS_ACCESS_KEY_ID: 'STATICKEYID', AWS_SECRET_ACCESS_KEY: 'static-secret' },
      keysInFile: { aws_access_key_id: 'STATICKEYID', aws_secret_access_key: 'static-secret' },
    }),
  ],
]

test.each(PICTURES)('shows a person the whole picture: %s', async (name, isHealthy, patient) => {
  const { picture, report, instance } = await examine(await patient())
  await expect(normalized(picture)).toMatchFileSnapshot(`pictures/${name}.txt`)
  expect(report.healthy).toBe(isHealthy)
  const { accessKeyId, secretAccessKey, sessionToken } = instance.credentials ?? {}
  const issued = [accessKeyId, secretAccessKey, sessionToken].filter((secret) => secret !== undefined)
  for (const secret of [...issued, 'proxy-password', 'STATICKEYID', 'static-secret'])
    expect(picture).not.toContain(secret)
})

/** What differs from run to run, by its name. */
function normalized(picture: string): string {
  return picture
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
    .replace(/within \d+ ms\.$/gm, 'within <latency>.')
    .replace(/another \d+ h \d+ min/g, 'another <time>')
    .replace(/--instance-id i-[0-9a-f]+/g, '--instance-id <instance-id>')
}
