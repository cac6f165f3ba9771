import { styleText } from 'node:util'
import { expect, test } from 'vitest'
import { formatReport, type Layout } from '../../src/diagnosis/report-text.js'
import type { Report } from '../../src/diagnosis/report.js'
import { assertReport, closedEndpoint, examine, type Patient } from './examine.js'

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
  [
    'hop-limit-v1-open',
    false,
    () => ({
      options: { hopsAway: 1, httpTokens: 'optional' },
      env: { AWS_METADATA_SERVICE_TIMEOUT: '0.5' },
    }),
  ],
  [
    'silent-to-all',
    false,
    () => ({
      make: (instance) => instance.failUntilLifted('all', 'silence'),
      env: { AWS_METADATA_SERVICE_TIMEOUT: '0.5' },
    }),
  ],
  [
    'transparent-proxy',
    false,
    () => ({ make: (instance) => instance.failUntilLifted('token', { status: 403 }) }),
  ],
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
  [
    'static-keys-in-file',
    true,
    () => ({ keysInFile: { aws_access_key_id: 'STATICKEYID', aws_secret_access_key: 'static-secret' } }),
  ],
]

const PLAIN: Layout = { width: Infinity, isVerbose: false, paint: (_verdict, text) => text }

test.each(PICTURES)('shows a person the whole picture: %s', async (name, isHealthy, patient) => {
  const { report, instance } = await examine(await patient())
  const shown = normalized(report)
  for (const width of [80, 120])
    await expect(formatReport(shown, { ...PLAIN, width })).toMatchFileSnapshot(
      `pictures/${name}.${width}.txt`,
    )
  expect(report.healthy).toBe(isHealthy)
  const { accessKeyId, secretAccessKey, sessionToken } = instance.credentials ?? {}
  const issued = [accessKeyId, secretAccessKey, sessionToken].filter((secret) => secret !== undefined)
  const picture = formatReport(report, { ...PLAIN, isVerbose: true })
  for (const secret of [...issued, 'proxy-password', 'STATICKEYID', 'static-secret'])
    expect(picture).not.toContain(secret)
})

test.each(PICTURES)('fits a terminal of 80 x 24: %s', async (_name, _isHealthy, patient) => {
  const { report } = await examine(await patient())
  const lines = formatReport(normalized(report), { ...PLAIN, width: 80 }).split('\n')
  expect(lines.length).toBeLessThanOrEqual(24)
  expect(lines.filter((line) => line.length > 80 && !isOneWord(line))).toEqual([])
})

/** Words that cannot be broken, such as a policy document. */
function isOneWord(line: string): boolean {
  return /^ +(\w+ +)?('[^']*'|\S+)( \\)?$/.test(line)
}

test.each([80, 120])('shows every check and setting if asked to, %i columns wide', async (width) => {
  const { report } = await examine({ make: (instance) => instance.disassociateProfile() })
  const picture = formatReport(normalized(report), { ...PLAIN, width, isVerbose: true })
  await expect(picture).toMatchFileSnapshot(`pictures/verbose.${width}.txt`)
})

test('does not wrap lines if the output is not a terminal', async () => {
  const { report } = await examine({ make: (instance) => instance.disassociateProfile() })
  await expect(formatReport(normalized(report), PLAIN)).toMatchFileSnapshot('pictures/no-role.unwrapped.txt')
})

test('colours marks and names, and wraps as without colours', async () => {
  const { report } = await examine({ make: (instance) => instance.disassociateProfile() })
  const colours = { ok: 'green', warning: 'yellow', problem: 'red', skipped: 'dim' } as const
  const paint: Layout['paint'] = (verdict, text) =>
    styleText(colours[verdict], text, { validateStream: false })
  const layout = { width: 80, isVerbose: true, paint }
  await expect(formatReport(normalized(report), layout)).toMatchFileSnapshot('pictures/colour.80.txt')
})

/** Replaces what differs from run to run: ports, latencies and remaining life. */
function normalized(report: Report): Report {
  const text = JSON.stringify(report)
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:40123')
    .replace(/in \d+ ms\./g, 'in 2 ms.')
    .replace(/another \d+ h \d+ min/g, 'another 4 h 59 min')
  const same: unknown = JSON.parse(text)
  assertReport(same)
  return same
}
