import { expect, onTestFinished, test } from 'vitest'
import { breakInstance, describeBreakage } from '../../src/cli/breakage.js'
import { parseEmulateOptions } from '../../src/cli/emulate-options.js'
import { setup } from '../setup.js'

function broken(...flags: readonly string[]) {
  const { breakage } = parseEmulateOptions(flags)
  const world = setup({ provider: { retries: 0 } })
  onTestFinished(() => world.provider.close())
  breakInstance(world.instance, breakage)
  return { ...world, breakage }
}

test.each([
  [['--no-role'], 'NO_ROLE'],
  [['--empty-profile'], 'NO_ROLE'],
  [['--bad-trust'], 'ROLE_NOT_ASSUMABLE'],
  [['--imds-disabled'], 'IMDS_DISABLED'],
  [['--fail', 'token=429'], 'THROTTLED'],
  [['--fail', 'role=broken-json'], 'BAD_RESPONSE'],
  [['--fail', 'credentials=missing=Token'], 'BAD_RESPONSE'],
  [['--fail', 'credentials=code=Failed'], 'CREDENTIALS_NOT_ISSUED'],
  [['--fail', 'credentials=delay=60000'], 'TIMEOUT'],
])('%j ends a first load with %s', async (flags, code) => {
  const { provider } = broken(...flags)
  await expect(provider()).rejects.toMatchObject({ code })
})

test('breaks exactly as many requests as are counted', async () => {
  const { provider, instance } = broken('--fail', 'credentials=503x1')
  await expect(provider()).rejects.toMatchObject({ code: 'SERVER_ERROR' })
  expect(await provider()).toMatchObject({ accessKeyId: instance.credentials?.accessKeyId })
})

test('is described by the flags', () => {
  const flags = [
    '--bad-trust',
    '--imds-disabled',
    '--fail',
    'token=503x2',
    '--fail',
    '/latest/user-data=html',
  ]
  expect(describeBreakage(broken(...flags).breakage)).toEqual([
    '--bad-trust',
    '--imds-disabled',
    '--fail token=503x2',
    '--fail /latest/user-data=html',
  ])
})
