import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InstanceRoleError, tellingOf } from '../../src/errors.js'
import { parseRoleCredentials, parseRoleName } from '../../src/credentials/role-credentials.js'
import { anyText } from '../fuzz/any-text.js'
import { exposed } from '../setup.js'

const SECRET = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY'
const DOCUMENT = {
  Code: 'Success',
  LastUpdated: '2026-01-01T00:00:00Z',
  Type: 'AWS-HMAC',
  AccessKeyId: 'ASIAEXAMPLE',
  SecretAccessKey: SECRET,
  Token: 'FwoGZXIvYXdzEXAMPLE',
  Expiration: '2026-01-01T06:00:00Z',
}
const GIVEN = {
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: SECRET,
  sessionToken: 'FwoGZXIvYXdzEXAMPLE',
  expiration: new Date('2026-01-01T06:00:00Z'),
}

function parse(changes: object): unknown {
  return parseRoleCredentials(JSON.stringify({ ...DOCUMENT, ...changes }), 'app-role')
}

function failureOf(work: () => unknown): InstanceRoleError {
  try {
    work()
  } catch (error) {
    if (error instanceof InstanceRoleError) return error
    throw error
  }
  throw new Error('it did not fail')
}

test.each<{ what: string; changes: object; gives?: object }>([
  { what: 'a document as EC2 makes it', changes: {} },
  { what: 'a document without Code, as emulators make it', changes: { Code: undefined } },
  { what: 'members that nobody knows', changes: { Unexpected: { Deep: [1] }, ['__proto__']: { x: 1 } } },
  {
    what: 'microseconds',
    changes: { Expiration: '2026-01-01T06:00:00.832308Z' },
    gives: { expiration: new Date('2026-01-01T06:00:00.832Z') },
  },
  { what: 'an offset', changes: { Expiration: '2026-01-01T07:30:00+01:30' } },
  { what: 'an offset without a colon', changes: { Expiration: '2025-12-31T22:00:00-0800' } },
  {
    what: 'a leap day',
    changes: { Expiration: '2028-02-29T00:00:00Z' },
    gives: { expiration: new Date('2028-02-29T00:00:00Z') },
  },
  { what: 'an account', changes: { AccountId: '123456789012' }, gives: { accountId: '123456789012' } },
  { what: 'an empty account, as none', changes: { AccountId: '' } },
  { what: 'an account that is no text, as none', changes: { AccountId: 123456789012 } },
  { what: 'Code in lower case', changes: { Code: 'success' } },
  {
    what: 'a date of making that cannot be read, as none',
    changes: { LastUpdated: 'soon' },
    gives: { lastUpdated: undefined },
  },
])('accepts $what', ({ changes, gives }) => {
  expect(parse(changes)).toEqual({ ...GIVEN, lastUpdated: new Date('2026-01-01T00:00:00Z'), ...gives })
})

test('accepts names in any case, and prefers the exact name', () => {
  const lower = Object.fromEntries(
    Object.entries(DOCUMENT).map(([name, value]) => [name.charAt(0).toLowerCase() + name.slice(1), value]),
  )
  expect(parseRoleCredentials(JSON.stringify(lower), 'app-role')).toMatchObject(GIVEN)
  expect(parseRoleCredentials(JSON.stringify({ ...DOCUMENT, TOKEN: 'another' }), 'app-role')).toMatchObject(
    GIVEN,
  )
})

const FIELDS = ['AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration'] as const

test.each(FIELDS)('names a missing %s', (field) => {
  const error = failureOf(() => parse({ [field]: undefined }))
  expect(error).toMatchObject({ code: 'BAD_RESPONSE', step: 'credentials' })
  expect(tellingOf(error).what).toBe(`The credentials document of IMDS has no ${field}.`)
})

test.each(
  FIELDS.flatMap((field) => ['', ' \t', null, 17, true, {}, [SECRET]].map((value) => ({ field, value }))),
)('names $field if it is $value, and shows no value', ({ field, value }) => {
  const error = failureOf(() => parse({ [field]: value }))
  expect(tellingOf(error).what).toBe(`The credentials document of IMDS has an empty or non-text ${field}.`)
  expect(exposed(error)).not.toContain(SECRET)
})

test.each([
  SECRET,
  'soon',
  '1767247200',
  '2026-01-01',
  '2026-01-01T06:00:00',
  '2026-01-01 06:00:00Z',
  '2026-13-01T06:00:00Z',
  '2026-02-30T06:00:00Z',
  '2026-01-01T25:00:00Z',
  '2026-01-01T06:00:00+99:99',
  'Thu, 01 Jan 2026 06:00:00 GMT',
  '2026-01-01T06:00:00Z or so',
])('names Expiration if it is not a date: %s', (text) => {
  const error = failureOf(() => parse({ Expiration: text }))
  expect(tellingOf(error).what).toBe('The credentials document of IMDS has an unreadable Expiration.')
  expect(exposed(error)).not.toContain(text)
})

test.each([
  { what: 'nothing', body: '', says: 'is not a JSON object' },
  { what: 'HTML', body: '<!doctype html><title>Sign in</title>', says: 'is not a JSON object' },
  { what: 'half a document', body: JSON.stringify(DOCUMENT).slice(0, -9), says: 'is not a JSON object' },
  { what: 'a secret', body: SECRET, says: 'is not a JSON object' },
  { what: '404 in words', body: '404: not found', says: 'is not a JSON object' },
  { what: 'null', body: 'null', says: 'is not a JSON object' },
  { what: 'text', body: JSON.stringify(SECRET), says: 'is not a JSON object' },
  { what: 'an array', body: JSON.stringify([DOCUMENT]), says: 'is not a JSON object' },
  { what: 'an empty object', body: '{}', says: 'has no AccessKeyId' },
  {
    what: 'the SDK’s own names',
    body: JSON.stringify({ ...DOCUMENT, Token: undefined, SessionToken: 'x' }),
    says: 'has no Token',
  },
])('refuses $what as a document', ({ body, says }) => {
  const error = failureOf(() => parseRoleCredentials(body, 'app-role'))
  expect(error).toMatchObject({ code: 'BAD_RESPONSE', step: 'credentials', tryNextLink: false })
  expect(tellingOf(error).what).toBe(`The credentials document of IMDS ${says}.`)
  expect(exposed(error)).not.toContain(SECRET)
})

test('says what the trust policy lacks if EC2 may not assume the role', () => {
  const error = failureOf(() =>
    parseRoleCredentials('{"Code":"AssumeRoleUnauthorizedAccess","Message":"no"}', 'app-role'),
  )
  expect(error).toMatchObject({ code: 'ROLE_NOT_ASSUMABLE', step: 'credentials' })
})

test.each([
  { code: 'Failed', says: ' (Failed)' },
  { code: '', says: '' },
  { code: SECRET.repeat(2), says: '' },
  { code: 'a b', says: '' },
  { code: 7, says: '' },
  { code: null, says: '' },
])('returns no credentials with the code $code', ({ code, says }) => {
  const error = failureOf(() => parse({ Code: code }))
  expect(error.code).toBe('CREDENTIALS_NOT_ISSUED')
  expect(tellingOf(error).what).toBe(`IMDS has the role app-role, but no credentials for it${says}.`)
  expect(exposed(error)).not.toContain(SECRET)
})

test.each([
  ['app-role', 'app-role'],
  ['app-role\n', 'app-role'],
  ['  app-role \r\n', 'app-role'],
  ['\r\n\n \nfirst\nsecond\n', 'first'],
  ['a_+=,.@-Z9', 'a_+=,.@-Z9'],
  ['...', '...'],
  ['path/app-role', 'path/app-role'],
  ['', undefined],
  [' \r\n\t\n', undefined],
])('reads the role from the listing %j: %s', (listing, name) => {
  expect(parseRoleName(listing)).toBe(name)
})

test.each([
  '<?xml version="1.0"?><html/>',
  '{"Code":"Success"}',
  'two words',
  'app-role?x=1',
  'app-role#x',
  '%2e%2e',
  'rôle',
  'a\rb',
  'a\0b',
  '.',
  '..',
  'x'.repeat(257),
])('refuses the listing %j as a role name, without quoting it', (listing) => {
  const error = failureOf(() => parseRoleName(listing))
  expect(error).toMatchObject({ code: 'BAD_RESPONSE', step: 'role' })
  expect(tellingOf(error).what).toBe('The role listing of IMDS is not a role name.')
})

test('returns a value or an InstanceRoleError without a secret, whatever the document', () => {
  const member = fc.constantFrom(...Object.keys(DOCUMENT), 'AccountId', '__proto__', 'constructor')
  const value = fc.oneof(fc.constantFrom(SECRET, ...Object.values(DOCUMENT)), fc.jsonValue())
  const document = fc.dictionary(member, value).map((fields) => JSON.stringify({ ...DOCUMENT, ...fields }))
  const cut = fc.tuple(document, fc.nat()).map(([text, at]) => text.slice(0, at % (text.length + 1)))
  const noise = anyText.map((text) => text + SECRET)
  fc.assert(
    fc.property(fc.oneof(document, cut, noise), (body) => {
      for (const parseAny of [(text: string) => parseRoleCredentials(text, 'app-role'), parseRoleName]) {
        const error = thrownBy(() => parseAny(body))
        if (error === undefined) continue
        expect(error).toBeInstanceOf(InstanceRoleError)
        expect(exposed(error)).not.toContain(SECRET.slice(0, 10))
      }
    }),
    { numRuns: 500 },
  )
})

function thrownBy(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}
