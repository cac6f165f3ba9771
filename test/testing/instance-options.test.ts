import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { emulateInstance, iamRole, instanceProfile } from '../../src/testing/index.js'
import { DEFAULTS } from '../../src/testing/instance-options.js'

test.each([
  ['lifetimeMs', { lifetimeMs: 999 }],
  ['lifetimeMs', { lifetimeMs: NaN }],
  ['renewEveryMs', { renewEveryMs: 0 }],
  ['hopLimit', { hopLimit: 0 }],
  ['hopLimit', { hopLimit: 65 }],
  ['hopsAway', { hopsAway: -1 }],
  ['hopsAway', { hopsAway: 0.5 }],
  ['tokenTtlCap', { tokenTtlCap: 21_601 }],
])('names the option %s when it is %j', (name, options) => {
  expect(() => emulateInstance(options)).toThrow(new RegExp(`^${name} must be an integer from `))
})

test('checks modified options, and keeps the current ones if they are malformed', () => {
  const instance = emulateInstance({ hopsAway: 1 })
  expect(() => instance.modifyMetadataOptions({ hopLimit: 100 })).toThrow(RangeError)
  expect(instance.answer({ method: 'PUT', path: '/latest/api/token', headers: {} }).kind).toBe('silence')
})

test('an instance can be launched with a given profile', () => {
  const profile = instanceProfile({
    name: 'mine',
    role: iamRole({ name: 'my-role', accountId: '111122223333' }),
  })
  const instance = emulateInstance({ profile })
  expect(instance.profile).toBe(profile)
  expect(instance.credentials).toMatchObject({ roleName: 'my-role', accountId: '111122223333' })
})

test('an undefined option counts as absent', () => {
  const options: object = { roleName: undefined, region: undefined, hopLimit: undefined }
  const instance = emulateInstance(options)
  instance.modifyMetadataOptions(options)
  expect(instance.role?.name).toBe('app-role')
})

// Against documented defaults that rot.
test('the documented defaults are the defaults', () => {
  const source = readFileSync(new URL('../../src/testing/instance-options.ts', import.meta.url), 'utf8')
  const documented = [
    ...source.matchAll(/@default ('[^']*'|\d+|true|false)[^@]*(?:@see[^@]*)?\*\/\s+readonly (\w+)/g),
  ]
  const values = Object.fromEntries(
    documented.map(([, value = '', name = '']) => [name, value.replaceAll("'", '')]),
  )
  const { tags, ...defaults } = DEFAULTS
  expect(tags).toEqual({})
  expect(values).toEqual(
    Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, String(value)])),
  )
})
