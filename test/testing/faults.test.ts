import { expect, test } from 'vitest'
import { type Fault, type Reply, createTestClock, emulateInstance } from '../../src/testing/index.js'
import { ask, outcomeOf } from './ask.js'

const DOCUMENT_PATH = '/latest/meta-data/iam/security-credentials/app-role'

function setup(...faults: Fault[]) {
  const clock = createTestClock({ startAt: Date.UTC(2030, 0, 1) })
  const instance = emulateInstance({ clock, httpTokens: 'optional' })
  const trueReply = ask(instance, 'GET', DOCUMENT_PATH)
  instance.fail('credentials', ...faults)
  return { instance, trueReply }
}

function replyTo(fault: Fault): {
  reply: Reply
  document: () => unknown
  trueReply: Reply
  trueDocument: object
} {
  const { instance, trueReply } = setup(fault)
  const reply = ask(instance, 'GET', DOCUMENT_PATH)
  const trueDocument: unknown = JSON.parse(trueReply.body)
  return {
    reply,
    trueReply,
    document: () => JSON.parse(reply.body) as unknown,
    trueDocument: Object(trueDocument) as object,
  }
}

test.each(['silence', 'refuse', 'reset'] as const)('%s leaves the request without an answer', (fault) => {
  expect(outcomeOf(setup(fault).instance, 'GET', DOCUMENT_PATH)).toEqual({ kind: fault })
})

test('reset-mid-body has the real reply, to end half-way', () => {
  const { instance, trueReply } = setup('reset-mid-body')
  expect(outcomeOf(instance, 'GET', DOCUMENT_PATH)).toEqual({
    kind: 'reset-mid-body',
    reply: trueReply,
    delayMs: 0,
  })
})

test('dripMs has the real reply, to send in bytes', () => {
  const { instance, trueReply } = setup({ dripMs: 20 })
  expect(outcomeOf(instance, 'GET', DOCUMENT_PATH)).toEqual({
    kind: 'drip',
    reply: trueReply,
    delayMs: 0,
    dripMs: 20,
  })
})

test('delayMs has the real reply, late', () => {
  const { instance, trueReply } = setup({ delayMs: 700 })
  expect(outcomeOf(instance, 'GET', DOCUMENT_PATH)).toEqual({ kind: 'reply', reply: trueReply, delayMs: 700 })
})

test.each([429, 500, 502, 503, 504])('status %d comes with the page of IMDS', (status) => {
  const { reply } = replyTo({ status })
  expect(reply).toMatchObject({ status, headers: { server: 'EC2ws', 'content-type': 'text/html' } })
  expect(reply.body).toContain(`<title>${status} - `)
})

test('status can come with a body, headers and a delay', () => {
  const { instance } = setup({ status: 503, body: 'later', headers: { 'retry-after': '7' }, delayMs: 5 })
  expect(outcomeOf(instance, 'GET', DOCUMENT_PATH)).toMatchObject({
    kind: 'reply',
    delayMs: 5,
    reply: { status: 503, body: 'later', headers: { 'retry-after': '7', 'content-length': '5' } },
  })
})

test('truncated sends the first half of the body as the whole body', () => {
  const { reply, trueReply } = replyTo('truncated')
  expect(reply.body).toBe(trueReply.body.slice(0, Math.floor(trueReply.body.length / 2)))
  expect(reply.headers['content-length']).toBe(String(reply.body.length))
})

test('empty sends 200 and an empty body', () => {
  expect(replyTo('empty').reply).toMatchObject({ status: 200, body: '', headers: { 'content-length': '0' } })
})

test('oversized sends the real document and a mebibyte of blanks', () => {
  const { reply, document, trueDocument } = replyTo('oversized')
  expect(reply.body.length).toBeGreaterThan(1_048_576)
  expect(document()).toEqual(trueDocument)
})

test('html sends 200 and a page', () => {
  const { reply } = replyTo('html')
  expect(reply).toMatchObject({ status: 200, headers: { 'content-type': 'text/html' } })
  expect(reply.body).toMatch(/^<!doctype html>/)
})

test.each(['broken-json', 'truncated'] as const)('%s cannot be parsed', (fault) => {
  expect(replyTo(fault).document).toThrow(SyntaxError)
})

test('expired sends credentials that expired a minute ago', () => {
  const { document, trueDocument } = replyTo('expired')
  expect(document()).toEqual({ ...trueDocument, Expiration: '2029-12-31T23:59:00Z' })
})

test('redirectTo sends elsewhere', () => {
  expect(replyTo({ redirectTo: 'http://198.51.100.7/' }).reply).toMatchObject({
    status: 302,
    headers: { location: 'http://198.51.100.7/' },
    body: '',
  })
})

test('missingField omits one field', () => {
  const { document } = replyTo({ missingField: 'Token' })
  expect(document()).not.toHaveProperty('Token')
  expect(document()).toHaveProperty('SecretAccessKey')
})

test('emptyField empties one field', () => {
  const { document, trueDocument } = replyTo({ emptyField: 'AccessKeyId' })
  expect(document()).toEqual({ ...trueDocument, AccessKeyId: '' })
})

test('code sends a document that says what failed', () => {
  expect(replyTo({ code: 'InternalFailure', message: 'Try later' }).document()).toEqual({
    Code: 'InternalFailure',
    Message: 'Try later',
  })
})

test('a fault of a document does not change other text', () => {
  const instance = emulateInstance({ httpTokens: 'optional' })
  instance.fail('role', 'expired')
  expect(ask(instance, 'GET', '/latest/meta-data/iam/security-credentials/').body).toBe('app-role')
})

test.each<unknown>(['hang', {}, { delay: 5 }])('refuses the unknown fault %j', (fault) => {
  const instance = emulateInstance()
  const complaint = `There is no fault ${JSON.stringify(fault)}`
  takeForFault(fault)
  expect(() => instance.fail('all', fault)).toThrow(complaint)
  expect(() => instance.failUntilLifted('all', fault)).toThrow(complaint)
})

/** As a caller in JavaScript does. */
function takeForFault(value: unknown): asserts value is Fault {
  expect(value).toBeDefined()
}
