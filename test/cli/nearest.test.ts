import { expect, test } from 'vitest'
import { nearest } from '../../src/cli/nearest.js'

const KNOWN = ['doctor', 'credentials', 'emulate', 'exec', 'serve']

test.each([
  ['docter', 'doctor'],
  ['dcotor', 'doctor'],
  ['doctorr', 'doctor'],
  ['octor', 'doctor'],
  ['cred', 'credentials'],
  ['credencials', 'credentials'],
  ['exce', 'exec'],
  ['srve', 'serve'],
])('suggests %s as %s', (word, meant) => {
  expect(nearest(word, KNOWN)).toBe(meant)
})

test.each(['nonsense', '', 'e', 'x', 'status', 'executor'])('suggests nothing for %j', (word) => {
  expect(nearest(word, KNOWN)).toBeUndefined()
})
