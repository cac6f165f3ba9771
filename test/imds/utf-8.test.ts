import { expect, test } from 'vitest'
import { decodeUtf8 } from '../../src/imds/utf-8.js'

test.each([
  { what: 'a lone continuation byte', bytes: [0x61, 0x80] },
  { what: 'a surrogate', bytes: [0xed, 0xa0, 0x80] },
  { what: 'UTF-16', bytes: [0xff, 0xfe, 0x61, 0] },
  { what: 'gzip', bytes: [0x1f, 0x8b, 0x08] },
])('does not decode $what', ({ bytes }) => {
  expect(decodeUtf8(Uint8Array.from(bytes))).toBeUndefined()
})

test('decodes UTF-8, even if empty', () => {
  expect(decodeUtf8(Buffer.from('é!'))).toBe('é!')
  expect(decodeUtf8(new Uint8Array())).toBe('')
})
