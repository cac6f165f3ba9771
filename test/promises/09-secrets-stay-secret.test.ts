import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent } from 'undici'
import { expect, onTestFinished, test, vi } from 'vitest'
import { fromInstanceRole } from '../../src/index.js'
import type { Fault, Step } from '../../src/testing/index.js'
import { exposed, MINUTE, setup, timed } from '../setup.js'

const FAULTS: readonly Fault[] = [
  'truncated',
  'broken-json',
  'reset-mid-body',
  'oversized',
  'html',
  'expired',
  { missingField: 'Expiration' },
  { emptyField: 'AccessKeyId' },
  { code: 'Failed', message: 'no' },
  { status: 500 },
  { status: 401 },
  { status: 404 },
  { dripMs: 10 },
]

/** Everything that a person or a log sees while IMDS fails, and the secrets that must not be in it. */
async function live(step: Step, fault: Fault) {
  const shown: string[] = []
  const keep = (line: string): void => void shown.push(line)
  const logger = { debug: keep, info: keep, warn: keep, error: keep }
  const tokens = new Set<string>()
  const { clock, instance, registry, provider } = setup({
    provider: { logger },
    onSend: ({ headers }) => {
      const token = headers['x-aws-ec2-metadata-token']
      if (token !== undefined) tokens.add(token)
    },
  })
  instance.failUntilLifted(step, fault)
  const first = await timed(clock, provider())
  shown.push(exposed(first.error), exposed(provider), exposed(provider.status()))
  instance.clearFaults()
  const held = await provider({ forceRefresh: true })
  instance.failUntilLifted(step, fault)
  await clock.advance(held.expiration.getTime() - clock.now() + MINUTE)
  const expired = await timed(clock, provider())
  shown.push(exposed(expired.error), exposed(provider.status()), exposed(registry))
  const sets = [held, first.value, expired.value].filter((set) => set !== undefined)
  const secrets = [
    ...tokens,
    ...sets.flatMap(({ secretAccessKey, sessionToken }) => [secretAccessKey, sessionToken]),
  ]
  return { shown: shown.join('\n'), secrets }
}

const CASES = (['token', 'role', 'credentials'] as const).flatMap((step) =>
  FAULTS.map((fault) => ({ step, fault })),
)

test.each(CASES)('shows no secret when $step meets $fault', async ({ step, fault }) => {
  const { shown, secrets } = await live(step, fault)
  expect(secrets.length).toBeGreaterThanOrEqual(3)
  expect(secrets.filter((secret) => shown.includes(secret))).toEqual([])
  // Half of a secret is secret as well: a JSON parser quotes ten characters.
  expect(secrets.filter((secret) => shown.includes(secret.slice(0, 10)))).toEqual([])
})

const PLANTED = 'FAKEplantedSECRETofNobody'
const document = { Code: 'Success', AccessKeyId: PLANTED, SecretAccessKey: PLANTED, Token: PLANTED }

test.each([
  `{"SecretAccessKey": ${PLANTED}}`,
  `{"SecretAccessKey": "${PLANTED}`,
  PLANTED,
  JSON.stringify({ ...document, Expiration: PLANTED }),
  JSON.stringify({ ...document, Expiration: '' }),
  JSON.stringify({ ...document, Code: `not ${PLANTED}` }),
  JSON.stringify({ ...document, Message: `no ${PLANTED}`, Code: 'Failed' }),
  JSON.stringify({ ...document, Message: PLANTED.slice(3, 15), Code: 'Failed' }),
  JSON.stringify({ ...document, Message: PLANTED.split('').join('\n'), Code: 'Failed' }),
  JSON.stringify({ secretaccesskey: PLANTED, message: PLANTED, code: 'AssumeRoleUnauthorizedAccess' }),
  JSON.stringify([PLANTED]),
])('shows nothing of the credentials document %s', async (body) => {
  const lines: string[] = []
  const keep = (line: string): void => void lines.push(line)
  const { instance, provider } = setup({
    provider: { logger: { debug: keep, info: keep, warn: keep, error: keep } },
  })
  instance.failUntilLifted('credentials', { status: 200, body })
  const error = await provider().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Error)
  expect(lines).not.toEqual([])
  expect([exposed(error), exposed(provider.status()), ...lines].join('\n')).not.toContain(PLANTED.slice(0, 8))
})

const TOKEN_VALUE = 'FAKEtokenOfImdsThatNobodyMaySee=='
const KEY_ID = 'FAKEKEYID0123456789'
const SECRET_KEY = 'FAKE/secret/access/key/0123456789/abcdef'
const SESSION = 'FAKE/session/token/0123456789/abcdefghijklmnopqrstuvwxyz=='
const GOOD = {
  Code: 'Success',
  AccessKeyId: KEY_ID,
  SecretAccessKey: SECRET_KEY,
  Token: SESSION,
  Expiration: new Date(Date.now() + 3_600_000).toISOString(),
}

/** An IMDS that returns credentials once, and then the given documents. */
async function serveDocuments(later: object) {
  const documents: object[] = [GOOD]
  const server = createServer(({ method, url }, response) => {
    if (method === 'PUT') response.end(TOKEN_VALUE)
    else if (url?.endsWith('/security-credentials/')) response.end('app-role')
    else response.end(JSON.stringify(documents.shift() ?? later))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}

const WAYS = [
  { way: 'node:http', dispatcher: () => undefined },
  { way: 'a dispatcher', dispatcher: () => new Agent() },
]

/** What a person sees of a failure with `later`, with and without cached credentials. */
async function shownOf(later: object, dispatcher: Agent | undefined): Promise<string> {
  const endpoint = await serveDocuments(later)
  const shown: string[] = []
  const keep = (line: string): void => void shown.push(line)
  const logger = { debug: keep, info: keep, warn: keep, error: keep }
  await using held = fromInstanceRole({ endpoint, dispatcher, logger, isolated: true })
  await held()
  await held({ forceRefresh: true })
  await using empty = fromInstanceRole({ endpoint, dispatcher, logger, isolated: true })
  const error = await empty().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'CREDENTIALS_NOT_ISSUED' })
  await dispatcher?.close()
  return [...shown, exposed(error)].join('\n')
}

test.each(WAYS)('quotes the message of IMDS, by $way', async ({ dispatcher }) => {
  const message = 'EC2 cannot\n\u202eassume the "role".'
  const shown = await shownOf({ Code: 'Failed', Message: message }, dispatcher())
  expect(shown.match(/IMDS: "EC2 cannot assume the 'role'"\. /g)?.length).toBeGreaterThan(2)
})

/** Each is cached, was requested for this request, or is in the document. */
const TOLD: readonly (readonly [string, string, object?])[] = [
  ['the metadata token', TOKEN_VALUE],
  ['half of the metadata token', TOKEN_VALUE.slice(5, 20)],
  ['the key in the document', PLANTED, { SecretAccessKey: PLANTED }],
  ['the token in the document', PLANTED, { token: PLANTED }],
  ['an access key ID of AWS', 'ASIA' + 'EXAMPLE012345678'],
  ['a long-lived access key ID of AWS', 'AKIA' + 'EXAMPLE012345678'],
]
const SPREAD = (secret: string): string => secret.split('').join('\u0000\n')

test.each(
  WAYS.flatMap(({ way, dispatcher }) =>
    TOLD.flatMap(([what, secret, document]) =>
      [secret, `${secret}!`, SPREAD(secret)].map((said) => ({
        way,
        dispatcher,
        what,
        secret,
        said,
        document,
      })),
    ),
  ),
)('does not quote $what, by $way', async ({ dispatcher, secret, said, document: members }) => {
  const shown = await shownOf(
    { ...members, Code: 'Failed', Message: `It is ${said} of app-role` },
    dispatcher(),
  )
  expect(shown).not.toContain(secret.slice(0, 10))
  expect(shown.replace(/\s/g, '')).not.toContain(secret.slice(0, 10))
})

test.each(
  WAYS.flatMap(({ way, dispatcher }) =>
    [KEY_ID, SECRET_KEY, SESSION, SESSION.slice(20, 40)].map((secret) => ({ way, dispatcher, secret })),
  ),
)('does not quote the cached credentials, by $way', async ({ dispatcher, secret }) => {
  const endpoint = await serveDocuments({ Code: 'Failed', Message: `It is ${secret}, for app-role` })
  const lines: string[] = []
  const keep = (line: string): void => void lines.push(line)
  const logger = { debug: keep, info: keep, warn: keep, error: keep }
  const agent = dispatcher()
  await using provider = fromInstanceRole({ endpoint, dispatcher: agent, logger, isolated: true })
  await provider()
  await provider({ forceRefresh: true })
  await agent?.close()
  expect(lines.at(-1)).toContain('CREDENTIALS_NOT_ISSUED')
  expect(lines.join('\n')).not.toContain(secret.slice(0, 10))
})

test.each(WAYS)('does not quote a word as long as a key or a token, by $way', async ({ dispatcher }) => {
  const token = 'FwoGZXIvYXdzEXAMPLE0123456789abcdefghijklmnopqrstuvwxyz'
  const shown = await shownOf({ Code: 'Failed', Message: `It is ${token}, not so.` }, dispatcher())
  expect(shown).toContain('IMDS: "It is …, not so". ')
})

const PASSWORD = 'FAKE-password'

test.each([
  `http://user:${PASSWORD}@imds.example`,
  `http://${PASSWORD}@imds.example/path`,
  `ftp://user:${PASSWORD}@imds.example`,
  `http://user:p/${PASSWORD}@imds.example`,
  `http://user:1/${PASSWORD}@imds.example`,
  `http://user:p?${PASSWORD}@imds.example`,
  `http://user:p#${PASSWORD}@imds.example`,
  `http://user:p@${PASSWORD}@imds.example`,
  `http:\\\\user:${PASSWORD}@imds.example?`,
  `user:${PASSWORD}@imds.example`,
  `//user:${PASSWORD}@imds.example`,
  `http://user%3A${PASSWORD}%40imds.example/ `,
  `http://user:${PASSWORD}\uff20imds.example/ `,
  `http://imds.example/?key=${PASSWORD}`,
  `http://imds.example/#${PASSWORD}`,
])('quotes no password of the setting %s', async (endpoint) => {
  const create = (): unknown => fromInstanceRole({ endpoint })
  expect(create).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }))
  const errors: unknown[] = [catchFrom(create)]
  for (const variable of ['AWS_EC2_METADATA_SERVICE_ENDPOINT', 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE']) {
    vi.stubEnv(variable, endpoint)
    errors.push(await fromInstanceRole({ isolated: true })().catch((thrown: unknown) => thrown))
    vi.unstubAllEnvs()
  }
  expect(errors).toEqual(errors.map(() => expect.objectContaining({ code: 'BAD_CONFIG' }) as unknown))
  expect(errors.map(exposed).join('\n')).not.toContain(PASSWORD)
})

function catchFrom(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

test.each(['connect', 'read'])(
  "shows no words of a dispatcher's error, except for the system's: %s",
  async (syscall) => {
    const request = (): Promise<never> =>
      Promise.reject(
        Object.assign(new Error(`${syscall} ECONNREFUSED with ${PLANTED}`), {
          errno: -111,
          code: 'ECONNREFUSED',
          syscall,
          headers: { 'x-aws-ec2-metadata-token': PLANTED },
        }),
      )
    const provider = fromInstanceRole({ dispatcher: { request }, isolated: true, retries: 0 })
    const error = await provider().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'UNREACHABLE', cause: { message: `${syscall} ECONNREFUSED` } })
    expect(exposed(error)).not.toContain(PLANTED.slice(0, 8))
  },
)
