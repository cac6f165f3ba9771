import { expect, test } from 'vitest'
import { emulateInstance } from '../../src/testing/index.js'

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

test('checks options that are modified, and keeps the ones in force when they are wrong', () => {
  const instance = emulateInstance({ hopsAway: 1 })
  expect(() => instance.modifyMetadataOptions({ hopLimit: 100 })).toThrow(RangeError)
  expect(instance.answer({ method: 'PUT', path: '/latest/api/token', headers: {} }).kind).toBe('silence')
})
