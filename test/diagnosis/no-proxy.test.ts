import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { isExempt } from '../../src/diagnosis/no-proxy.js'
import { examine } from './examine.js'

const IPV4 = 'http://169.254.169.254'
const IPV6 = 'http://[fd00:ec2::254]'

test.each([
  ['*', IPV4],
  ['localhost,169.254.169.254', IPV4],
  ['localhost 169.254.169.254', IPV4],
  ['169.254.169.254:80', IPV4],
  ['169.254.0.0/16', IPV4],
  ['169.254.169.254/32', IPV4],
  ['0.0.0.0/0', IPV4],
  ['fd00:ec2::254', IPV6],
  ['[fd00:ec2::254]', IPV6],
  ['[fd00:ec2::254]:80', IPV6],
  ['FD00:EC2:0:0::254', IPV6],
  ['fd00:ec2::/32', IPV6],
  ['imds.internal', 'http://imds.internal'],
  ['.internal', 'http://imds.internal'],
  ['*.internal', 'http://imds.internal'],
  ['internal:8080', 'http://imds.internal:8080'],
  ['imds.internal:443', 'https://imds.internal'],
])('%s exempts %s', (noProxy, endpoint) => {
  expect(isExempt(noProxy, endpoint)).toBe(true)
})

test.each([
  ['', IPV4],
  ['localhost', IPV4],
  ['169.254.169.25', IPV4],
  ['169.254.169.254:8080', IPV4],
  ['169.255.0.0/16', IPV4],
  ['169.254.0.0/33', IPV4],
  ['254', IPV4],
  ['fd00:ec2::/32', IPV4],
  ['169.254.0.0/16', IPV6],
  ['0.0.0.0/0', IPV6],
  ['fd00:ec2::253', IPV6],
  ['fd00:ec3::/32', IPV6],
  ['[fd00:ec2::254]:8080', IPV6],
  ['external', 'http://imds.internal'],
  ['nal', 'http://imds.internal'],
  ['.', 'http://imds.internal'],
  ['imds.internal/24', 'http://imds.internal'],
])('%s does not exempt %s', (noProxy, endpoint) => {
  expect(isExempt(noProxy, endpoint)).toBe(false)
})

const PROXY = { http_proxy: 'http://127.0.0.1:9' }

test.each([
  { no_proxy: 'localhost, 127.0.0.1' },
  { NO_PROXY: '127.0.0.0/8' },
  { no_proxy: '*', NO_PROXY: '127.0.0.1' },
])('does not warn about a proxy if IMDS is exempt by $no_proxy and $NO_PROXY', async (exempting) => {
  const { finding } = await examine({ env: { ...PROXY, ...exempting } })
  expect(finding('proxy')).toMatchObject({ verdict: 'ok' })
})

test.skipIf(process.platform === 'win32').each([
  { lacking: {}, names: ['NO_PROXY'] },
  { lacking: { no_proxy: 'localhost' }, names: ['no_proxy'] },
  { lacking: { NO_PROXY: 'localhost' }, names: ['NO_PROXY'] },
  { lacking: { no_proxy: 'localhost', NO_PROXY: '10.0.0.0/8' }, names: ['no_proxy', 'NO_PROXY'] },
  { lacking: { no_proxy: 'localhost', NO_PROXY: '127.0.0.1' }, names: ['no_proxy'] },
])('prints a command that exempts IMDS if it is missing from $names', async ({ lacking, names }) => {
  const before = await examine({ env: { ...PROXY, ...lacking } })
  const fix = before.finding('proxy')?.fix ?? 'false'
  expect([...fix.matchAll(/(\w+)="/g)].map(([, name]) => name)).toEqual(names)
  const printing = 'printf "%s\\n" "$no_proxy" "$NO_PROXY"'
  const output = execFileSync('sh', ['-c', `${fix}; ${printing}`], { env: { ...lacking } }).toString()
  const [lower = '', upper = ''] = output.split('\n')
  const after = await examine({ env: { ...PROXY, no_proxy: lower, NO_PROXY: upper } })
  expect(after.finding('proxy')).toMatchObject({ verdict: 'ok' })
})
