import { expect, test } from 'vitest'
import { createTestClock, emulateInstance } from '../../src/testing/index.js'
import { ask, askForToken, get, outcomeOf } from './ask.js'

const TOKEN_PATH = '/latest/api/token'
const INSTANCE_ID_PATH = '/latest/meta-data/instance-id'
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds'
const TTL = { [TTL_HEADER]: '60' }

function statusWith(instance: ReturnType<typeof emulateInstance>, token: string): number {
  return ask(instance, 'GET', INSTANCE_ID_PATH, { 'x-aws-ec2-metadata-token': token }).status
}

test('a PUT with a TTL returns a metadata token of 56 characters and its TTL', () => {
  const reply = askForToken(emulateInstance(), 600)
  expect(reply).toMatchObject({ status: 200, headers: { [TTL_HEADER]: '600', 'content-type': 'text/plain' } })
  expect(reply.body).toMatch(/^FAKE[\w-]{52}$/)
})

test.each(['1', '21600'])('accepts a TTL of %s', (ttl) => {
  expect(askForToken(emulateInstance(), ttl).status).toBe(200)
})

test.each(['', '0', '21601', '-1', '1.5', 'x', '1e3', '100000', ' 60'])(
  'refuses a TTL of "%s" with 400',
  (ttl) => {
    expect(askForToken(emulateInstance(), ttl).status).toBe(400)
  },
)

test('refuses a PUT without a TTL with 400', () => {
  expect(ask(emulateInstance(), 'PUT', TOKEN_PATH).status).toBe(400)
})

test('accepts header names in any case', () => {
  expect(
    ask(emulateInstance(), 'PUT', TOKEN_PATH, { 'X-Aws-Ec2-Metadata-Token-TTL-Seconds': '60' }).status,
  ).toBe(200)
})

test.each(['GET', 'HEAD', 'POST', 'DELETE'])('refuses %s of a token with 405', (method) => {
  expect(ask(emulateInstance(), method, TOKEN_PATH, TTL)).toMatchObject({
    status: 405,
    headers: { allow: 'OPTIONS, PUT' },
  })
})

test.each(['PUT', 'POST', 'DELETE'])('refuses to %s metadata with 405', (method) => {
  expect(ask(emulateInstance(), method, INSTANCE_ID_PATH, TTL).status).toBe(405)
})

test('refuses a token to a proxy that adds X-Forwarded-For', () => {
  const headers = { ...TTL, 'X-Forwarded-For': '203.0.113.9' }
  expect(ask(emulateInstance(), 'PUT', TOKEN_PATH, headers).status).toBe(403)
})

test('a token is valid until its TTL ends, and replies say how much is left', async () => {
  const clock = createTestClock()
  const instance = emulateInstance({ clock })
  const headers = { 'x-aws-ec2-metadata-token': askForToken(instance, 60).body }
  await clock.advance(59_500)
  expect(ask(instance, 'GET', INSTANCE_ID_PATH, headers)).toMatchObject({
    status: 200,
    headers: { [TTL_HEADER]: '1' },
  })
  await clock.advance(500)
  expect(ask(instance, 'GET', INSTANCE_ID_PATH, headers).status).toBe(401)
})

test('a token lives no longer than the cap, whatever the requested TTL', async () => {
  const clock = createTestClock()
  const instance = emulateInstance({ clock, tokenTtlCap: 10 })
  const token = askForToken(instance, 600)
  expect(token.headers[TTL_HEADER]).toBe('10')
  await clock.advance(10_000)
  expect(statusWith(instance, token.body)).toBe(401)
})

test('refuses metadata without a token with 401', () => {
  expect(ask(emulateInstance(), 'GET', INSTANCE_ID_PATH).status).toBe(401)
})

test('refuses an unknown token with 401, even if none is required', () => {
  expect(statusWith(emulateInstance({ httpTokens: 'optional' }), 'unknown')).toBe(401)
})

test('forgets tokens when told to, as a resumed instance does', () => {
  const instance = emulateInstance()
  const { body } = askForToken(instance)
  instance.forgetTokens()
  expect(statusWith(instance, body)).toBe(401)
  expect(statusWith(instance, askForToken(instance).body)).toBe(200)
})

test('serves IMDSv1 if tokens are optional', () => {
  const reply = ask(emulateInstance({ httpTokens: 'optional' }), 'GET', INSTANCE_ID_PATH)
  expect(reply).toMatchObject({ status: 200, body: 'i-0123456789abcdef0' })
  expect(reply.headers).not.toHaveProperty(TTL_HEADER)
})

test.each([
  ['PUT', TOKEN_PATH],
  ['GET', INSTANCE_ID_PATH],
])('refuses to %s %s with 403 if metadata is disabled', (method, path) => {
  expect(ask(emulateInstance({ metadataEnabled: false }), method, path, TTL).status).toBe(403)
})

test.each([
  { hopLimit: 1, hopsAway: 0, kind: 'reply' },
  { hopLimit: 1, hopsAway: 1, kind: 'silence' },
  { hopLimit: 2, hopsAway: 1, kind: 'reply' },
  { hopLimit: 2, hopsAway: 2, kind: 'silence' },
])('with hop limit $hopLimit, a client $hopsAway hops away gets $kind', ({ kind, ...options }) => {
  expect(outcomeOf(emulateInstance(options), 'PUT', TOKEN_PATH, TTL).kind).toBe(kind)
})

test('the hop limit applies only to the response to the PUT', () => {
  const instance = emulateInstance({ hopsAway: 1, httpTokens: 'optional' })
  expect(ask(instance, 'GET', INSTANCE_ID_PATH).status).toBe(200)
})

test('a request can come from farther away than the others', () => {
  const request = { method: 'PUT', path: TOKEN_PATH, headers: TTL }
  const instance = emulateInstance()
  expect(instance.answer({ ...request, hopsAway: 1 }).kind).toBe('silence')
  expect(instance.answer(request).kind).toBe('reply')
})

test('metadata options can be modified while the instance runs', () => {
  const instance = emulateInstance({ hopsAway: 1 })
  instance.modifyMetadataOptions({ hopLimit: 2 })
  expect(askForToken(instance).status).toBe(200)
  instance.modifyMetadataOptions({ metadataEnabled: false })
  expect(askForToken(instance).status).toBe(403)
})

test('replies carry the headers of the real server', async () => {
  const clock = createTestClock({ startAt: Date.UTC(2030, 0, 1, 12) })
  const instance = emulateInstance({ clock })
  await clock.advance(1_500_000)
  expect(get(instance, 'instance-id').headers).toEqual({
    server: 'EC2ws',
    connection: 'close',
    'content-type': 'text/plain',
    'content-length': '19',
    'accept-ranges': 'none',
    date: 'Tue, 01 Jan 2030 12:25:00 GMT',
    'last-modified': 'Tue, 01 Jan 2030 12:00:00 GMT',
    [TTL_HEADER]: '21600',
  })
})

test.each([
  [404, 'Not Found', () => get(emulateInstance(), 'nothing-here')],
  [401, 'Unauthorized', () => ask(emulateInstance(), 'GET', INSTANCE_ID_PATH)],
  [400, 'Bad Request', () => ask(emulateInstance(), 'PUT', TOKEN_PATH)],
])('%d comes with an XHTML page that says %s', (status, reason, request) => {
  const reply = request()
  expect(reply).toMatchObject({ status, headers: { server: 'EC2ws', 'content-type': 'text/html' } })
  expect(reply.body).toContain(`<h1>${status} - ${reason}</h1>`)
  expect(reply.body).toMatch(/^<\?xml version="1.0" encoding="iso-8859-1"\?>\n<!DOCTYPE html PUBLIC/)
})

test('HEAD returns the headers without the body', () => {
  const instance = emulateInstance({ httpTokens: 'optional' })
  expect(ask(instance, 'HEAD', INSTANCE_ID_PATH)).toMatchObject({ status: 200, body: '' })
})

test('ignores a query', () => {
  const instance = emulateInstance({ httpTokens: 'optional' })
  expect(ask(instance, 'GET', `${INSTANCE_ID_PATH}?x=1`).status).toBe(200)
})
