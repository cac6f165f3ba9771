import { expect, test } from 'vitest'
import { createTestClock, emulateInstance } from '../../src/testing/index.js'
import { ask, credentialsDocument, get } from './ask.js'

const LISTING = 'iam/security-credentials'

test('the listing is the role name without a newline, with or without a trailing slash', () => {
  const instance = emulateInstance()
  expect([get(instance, LISTING).body, get(instance, `${LISTING}/`).body]).toEqual(['app-role', 'app-role'])
})

test("the credentials document is like EC2's", () => {
  const clock = createTestClock({ startAt: new Date('2030-01-01T12:00:00.789Z') })
  const instance = emulateInstance({ clock })
  const { credentials } = instance
  expect(credentialsDocument(instance)).toEqual({
    Code: 'Success',
    LastUpdated: '2030-01-01T12:00:00Z',
    Type: 'AWS-HMAC',
    AccessKeyId: credentials?.accessKeyId,
    SecretAccessKey: credentials?.secretAccessKey,
    Token: credentials?.sessionToken,
    Expiration: '2030-01-01T18:00:00Z',
  })
})

test("documents are formatted like EC2's", () => {
  expect(get(emulateInstance(), `${LISTING}/app-role`).body).toMatch(
    /^\{\n {2}"Code" : "Success",\n {2}"LastUpdated" : "/,
  )
})

test('there is no document for another role', () => {
  expect(get(emulateInstance(), `${LISTING}/other-role`).status).toBe(404)
})

test('a document is not a directory', () => {
  expect(get(emulateInstance(), `${LISTING}/app-role/`).status).toBe(404)
})

test('a role name may be percent-encoded in the path', () => {
  const instance = emulateInstance({ roleName: 'a+b=c,d.e@f' })
  expect(get(instance, `${LISTING}/${encodeURIComponent('a+b=c,d.e@f')}`).status).toBe(200)
  expect(get(instance, `${LISTING}/a+b=c,d.e@f`).status).toBe(200)
})

test('a path with wrong percent-encoding is not found', () => {
  expect(get(emulateInstance(), `${LISTING}/%E0%A4%A`).status).toBe(404)
})

test('the extended API exists only if enabled', () => {
  expect(get(emulateInstance(), 'iam/security-credentials-extended/').status).toBe(404)
})

test('the extended API adds the account to the document', () => {
  const instance = emulateInstance({ extendedCredentials: true, accountId: '111122223333' })
  expect(get(instance, 'iam/security-credentials-extended/').body).toBe('app-role')
  const extended: unknown = JSON.parse(get(instance, 'iam/security-credentials-extended/app-role').body)
  expect(extended).toEqual({ ...Object(credentialsDocument(instance)), AccountId: '111122223333' })
})

test.each([
  ['instance-id', 'i-0123456789abcdef0'],
  ['instance-type', 'm7i.large'],
  ['ami-id', 'ami-0123456789abcdef0'],
  ['instance-life-cycle', 'on-demand'],
  ['hostname', 'ip-10-0-0-10.eu-central-1.compute.internal'],
  ['local-hostname', 'ip-10-0-0-10.eu-central-1.compute.internal'],
  ['local-ipv4', '10.0.0.10'],
  ['mac', '02:00:00:00:00:01'],
  ['network/interfaces/macs/', '02:00:00:00:00:01/'],
  ['network/interfaces/macs/02:00:00:00:00:01/local-ipv4s', '10.0.0.10'],
  ['placement/region', 'eu-central-1'],
  ['placement/availability-zone', 'eu-central-1a'],
  ['services/domain', 'amazonaws.com'],
  ['services/partition', 'aws'],
  ['iam/', 'info\nsecurity-credentials/'],
])('%s is %j', (path, text) => {
  expect(get(emulateInstance(), path)).toMatchObject({ status: 200, body: text })
})

test.each([
  ['instance-id', 'i-0fedcba9876543210', { instanceId: 'i-0fedcba9876543210' }],
  ['placement/availability-zone', 'us-east-2a', { region: 'us-east-2' }],
  ['placement/availability-zone', 'us-east-2c', { region: 'us-east-2', availabilityZone: 'us-east-2c' }],
  ['tags/instance/', 'Name\nStage', { tags: { Name: 'web', Stage: 'test' } }],
  ['tags/instance/Name', 'web', { tags: { Name: 'web' } }],
])('%s is %j if the options say so', (path, text, options) => {
  expect(get(emulateInstance(options), path).body).toBe(text)
})

test('lists meta-data, directories with a slash', () => {
  const lines = get(emulateInstance(), '').body.split('\n')
  expect(lines).toEqual(expect.arrayContaining(['iam/', 'instance-id', 'mac', 'network/', 'placement/']))
  expect(lines).not.toContain('tags/')
})

test.each([
  ['/', /^1\.0\n.*\nlatest$/s],
  ['/latest/', /^dynamic\/\nmeta-data\/$/],
  ['/2021-01-03/meta-data/instance-id', /^i-0123456789abcdef0$/],
])('%s exists as well', (path, text) => {
  expect(ask(emulateInstance({ httpTokens: 'optional' }), 'GET', path).body).toMatch(text)
})

test.each([
  '/latest/meta-data/instance-id/',
  '/latest/nothing',
  '/1999-01-01/meta-data/',
  '/latest/meta-data/constructor',
])('%s does not exist', (path) => {
  expect(ask(emulateInstance({ httpTokens: 'optional' }), 'GET', path).status).toBe(404)
})

test('user data exists if given', () => {
  const without = emulateInstance({ httpTokens: 'optional' })
  const instance = emulateInstance({ httpTokens: 'optional', userData: '#!/bin/sh' })
  expect(ask(without, 'GET', '/latest/user-data').status).toBe(404)
  expect(ask(instance, 'GET', '/latest/user-data').body).toBe('#!/bin/sh')
})

test('the identity document has account, region and instance', () => {
  const instance = emulateInstance({ httpTokens: 'optional' })
  const { body } = ask(instance, 'GET', '/latest/dynamic/instance-identity/document')
  expect(JSON.parse(body)).toMatchObject({
    accountId: '123456789012',
    region: 'eu-central-1',
    availabilityZone: 'eu-central-1a',
    instanceId: 'i-0123456789abcdef0',
    privateIp: '10.0.0.10',
  })
})

test('text of the test is shown at its path and listed', () => {
  const instance = emulateInstance({ tags: { Name: 'app' } })
  instance.setMetadata('spot/instance-action', '{"action":"stop"}')
  instance.setMetadata('tags/instance/Team', 'a')
  instance.setMetadata('placement/region', 'us-west-2')
  expect(get(instance, 'spot/').body).toBe('instance-action')
  expect(get(instance, 'spot/instance-action').body).toBe('{"action":"stop"}')
  expect(get(instance, 'tags/instance/').body).toBe('Name\nTeam')
  expect(get(instance, 'placement/').body).toBe('availability-zone\nregion')
  expect(get(instance, 'placement/region').body).toBe('us-west-2')
})

test('removing text of the test restores what was there', () => {
  const instance = emulateInstance()
  instance.setMetadata('placement/region', 'us-west-2')
  instance.setMetadata('/latest/meta-data/placement/region', undefined)
  instance.setMetadata('spot/termination-time', '2030-01-01T00:00:00Z')
  instance.setMetadata('spot/termination-time', undefined)
  expect(get(instance, 'placement/region').body).toBe('eu-central-1')
  expect(get(instance, 'spot/termination-time').status).toBe(404)
})

test.each(['', '/', '/latest/', 'spot/', '/tomorrow/user-data'])('there is no metadata at %j', (path) => {
  expect(() => {
    emulateInstance().setMetadata(path, 'text')
  }).toThrow(new RangeError(`There is no metadata path ${JSON.stringify(path)}`))
})
