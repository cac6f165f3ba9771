import { expect, test } from 'vitest'
import { type Fault, emulateInstance } from '../../src/testing/index.js'
import { ask, askForToken, get, outcomeOf } from './ask.js'

test('records each request and how it was answered', () => {
  const instance = emulateInstance()
  get(instance, 'iam/security-credentials/')
  ask(instance, 'GET', '/latest/meta-data/nothing?secret=1')
  expect(instance.requests).toEqual([
    'PUT /latest/api/token 200',
    'GET /latest/meta-data/iam/security-credentials/ 200',
    'GET /latest/meta-data/nothing 401',
  ])
})

test.each<[Fault, string]>([
  ['silence', 'silence'],
  ['refuse', 'refuse'],
  ['reset', 'reset'],
  ['reset-mid-body', '200 reset-mid-body'],
  [{ dripMs: 1 }, '200 drip'],
  [{ status: 503 }, '503'],
  [{ redirectTo: 'http://198.51.100.7/' }, '302'],
])('records the fault %j', (fault, told) => {
  const instance = emulateInstance({ httpTokens: 'optional' })
  instance.fail('all', fault)
  outcomeOf(instance, 'GET', '/latest/meta-data/mac')
  expect(instance.requests).toEqual([`GET /latest/meta-data/mac ${told}`])
})

test('never records a token or a key', () => {
  const instance = emulateInstance()
  get(instance, 'iam/security-credentials/app-role')
  expect(instance.requests.join()).not.toContain('FAKE')
})

test('does not change entries that were already read', () => {
  const instance = emulateInstance()
  const { requests } = instance
  askForToken(instance)
  expect(requests).toEqual([])
  expect(instance.requests).toHaveLength(1)
})

test('can be cleared', () => {
  const instance = emulateInstance()
  askForToken(instance)
  instance.clearRequests()
  expect(instance.requests).toEqual([])
})

test('reports each request when it is answered', () => {
  const told: string[] = []
  const instance = emulateInstance({ onRequest: (entry) => told.push(entry) })
  askForToken(instance)
  ask(instance, 'GET', '/latest/meta-data/?X-aws-ec2-metadata-token=secret')
  expect(told).toEqual(['PUT /latest/api/token 200', 'GET /latest/meta-data/ 401'])
})
