import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseAccountId } from '../../src/credentials/account-id.js'
import { parseEmulateOptions } from '../../src/cli/emulate-options.js'
import { checkOptions } from '../../src/config/checked-options.js'
import { clockOffsetMs } from '../../src/imds/clock-offset.js'
import { resolveConfig } from '../../src/config/config.js'
import { InstanceRoleError, TREATMENTS } from '../../src/errors.js'
import { parseIdentityDocument, parseIdentifier } from '../../src/metadata/instance-metadata.js'
import { parseMetadataToken } from '../../src/imds/metadata-token.js'
import { parseLines } from '../../src/runtime/plain-text.js'
import { decodeUtf8 } from '../../src/imds/utf-8.js'
import { parseRoleCredentials, parseRoleName } from '../../src/credentials/role-credentials.js'
import { exposed, setup } from '../setup.js'
import { anyText } from './any-text.js'

const RUNS = { numRuns: 500 }
/** A secret in every parsed input, which no output may contain. It is as long as a real key, because shorter setting values are quoted. */
const SECRET = 'FAKE/planted+SECRET0of/Nobody/40letters0'

const text = fc.oneof(
  fc.string(),
  anyText,
  fc.json(),
  fc.stringMatching(/^[\s\d.:TZ+-]{0,30}$/),
  fc.constantFrom('', ' ', '\0', '__proto__', '..', '%2e%2e/', 'NaN', '1e309', '-1', 'true', '\r\nx: y'),
)
const planted = fc.tuple(text, text).map(([before, after]) => before + SECRET + after)
const input = fc.oneof(text, planted)

const member = fc.constantFrom('Code', 'AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration', 'AccountId')
const document = fc
  .dictionary(
    fc.oneof(member, fc.string()),
    fc.oneof(input, fc.jsonValue(), fc.constant('2026-01-01T06:00:00Z')),
  )
  .map((fields) => JSON.stringify(fields))
/** Well-formed, except for the generated members. */
const nearlyGood = fc.record({
  Code: fc.constantFrom<unknown[]>('Success', undefined, 'Failed', SECRET, 1),
  AccessKeyId: fc.constant(SECRET),
  SecretAccessKey: fc.constantFrom<unknown[]>(SECRET, '', null, undefined),
  Token: fc.constantFrom<unknown[]>(SECRET, [], undefined),
  Expiration: fc.oneof(
    input,
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  ),
})
const body = fc.oneof(
  input,
  document,
  nearlyGood.map((fields) => JSON.stringify(fields)),
  fc.tuple(nearlyGood, fc.nat(400)).map(([fields, length]) => JSON.stringify(fields).slice(0, length)),
)

/** Returns the value or the coded error. Any other error fails the test, and so does a leak. */
function valueOrCodedError<T>(parse: () => T): T | InstanceRoleError {
  try {
    return parse()
  } catch (error) {
    return requireCoded(error)
  }
}

function requireCoded(error: unknown): InstanceRoleError {
  if (!(error instanceof InstanceRoleError)) throw new Error('not a coded error', { cause: error })
  expect(Object.keys(TREATMENTS)).toContain(error.code)
  expect(exposed(error)).not.toContain(SECRET.slice(0, 8))
  return error
}

test('parses any role listing into a name for a path, nothing, or a coded error', () => {
  fc.assert(
    fc.property(input, (listing) => {
      const name = valueOrCodedError(() => parseRoleName(listing))
      if (typeof name === 'string') expect(name).toMatch(/^[\w+=,.@:/-]{1,256}$/)
    }),
    RUNS,
  )
})

test('parses any credentials document into four valid fields or a coded error', () => {
  fc.assert(
    fc.property(body, (text) => {
      const parsed = valueOrCodedError(() => parseRoleCredentials(text, 'app-role'))
      if (parsed instanceof InstanceRoleError) return
      expect(parsed.expiration.getTime()).not.toBeNaN()
      for (const field of [parsed.accessKeyId, parsed.secretAccessKey, parsed.sessionToken])
        expect(field.trim()).not.toBe('')
    }),
    RUNS,
  )
})

test('parses any token response into a token for a header with an expiration, or a coded error', () => {
  fc.assert(
    fc.property(
      input,
      fc.oneof(input, fc.constant(undefined), fc.nat().map(String)),
      fc.nat(),
      (token, ttl, now) => {
        const parsed = valueOrCodedError(() => parseMetadataToken(token, ttl, now))
        if (parsed instanceof InstanceRoleError) return
        expect(() => new Headers({ token: parsed.value })).not.toThrow()
        expect(parsed.expiresAt).toBeGreaterThan(now)
        expect(parsed.refreshAt).toBeGreaterThan(now)
        expect(parsed.expiresAt).toBeLessThanOrEqual(now + 21_600_000)
      },
    ),
    RUNS,
  )
})

test('finds an account or nothing in any text', () => {
  fc.assert(
    fc.property(input, (info) => {
      const accountId = parseAccountId(info)
      if (accountId !== undefined) expect(accountId).toMatch(/^\d{12}$/)
    }),
    RUNS,
  )
})

/** Bytes that are any text. */
const answerText = fc.oneof(
  input,
  fc
    .uint8Array({ maxLength: 200 })
    .map((bytes) => decodeUtf8(bytes))
    .filter((decoded) => decoded !== undefined),
)

test('parses any single value into text that is not blank, or a coded error', () => {
  fc.assert(
    fc.property(answerText, (answer) => {
      const value = valueOrCodedError(() => parseIdentifier(answer, '/latest/meta-data/instance-id'))
      expect(value instanceof InstanceRoleError).toBe(!/^[\w-]{1,64}$/.test(answer.trim()))
      if (typeof value === 'string') expect(value).toBe(answer.trim())
    }),
    RUNS,
  )
})

test('parses any listing into lines that are not blank', () => {
  fc.assert(
    fc.property(
      fc.array(answerText).map((lines) => lines.join('\n')),
      (listing) => {
        const lines = parseLines(listing)
        expect(lines.filter((line) => line !== line.trim() || line === '' || line.includes('\n'))).toEqual([])
        expect(lines.join('').replace(/\s/g, '')).toBe(listing.replace(/\s/g, ''))
      },
    ),
    RUNS,
  )
})

const REQUIRED = [
  'accountId',
  'architecture',
  'availabilityZone',
  'imageId',
  'instanceId',
  'instanceType',
  'region',
] as const
const OPTIONAL = ['privateIp', 'pendingTime', 'version'] as const
/** Complete, except for at most two members. */
const identity = fc
  .tuple(
    fc.dictionary(
      fc.constantFrom(...REQUIRED, ...OPTIONAL, '__proto__'),
      fc.oneof(answerText, fc.jsonValue()),
      {
        maxKeys: 2,
      },
    ),
    fc.constantFrom('x', SECRET),
  )
  .map(([spoilt, value]) => ({ ...Object.fromEntries(REQUIRED.map((name) => [name, value])), ...spoilt }))
const identityBody = fc.oneof(
  answerText,
  document,
  identity.map((fields) => JSON.stringify(fields)),
  fc.tuple(identity, fc.nat(200)).map(([fields, length]) => JSON.stringify(fields).slice(0, length)),
)

test('parses any identity document into text fields or a coded error', () => {
  let parsedOnes = 0
  fc.assert(
    fc.property(identityBody, (answer) => {
      const parsed = valueOrCodedError(() => parseIdentityDocument(answer))
      if (parsed instanceof InstanceRoleError) return
      parsedOnes += 1
      const members = new Map<string, unknown>(Object.entries(parsed))
      expect([...REQUIRED, ...OPTIONAL]).toEqual(expect.arrayContaining([...members.keys()]))
      for (const name of REQUIRED) expect(members.get(name)).toMatch(/[^]/)
      for (const value of members.values()) expect(value).toBeTypeOf('string')
    }),
    RUNS,
  )
  expect(parsedOnes).toBeGreaterThan(0)
})

const instant = fc.date({ noInvalidDate: true })
const dateHeader = fc.oneof(
  answerText,
  fc.constant(undefined),
  instant.map((date) => date.toUTCString()),
  instant.map((date) => date.toISOString()),
  fc.tuple(instant, fc.nat(30)).map(([date, length]) => date.toUTCString().slice(0, length)),
  fc.integer().map(String),
)

test('parses any Date header into a valid instant or nothing', () => {
  fc.assert(
    fc.property(dateHeader, fc.date({ noInvalidDate: true }), (header, host) => {
      const offsetMs = clockOffsetMs(header, host.getTime())
      if (offsetMs !== undefined) expect(new Date(host.getTime() + offsetMs).getTime()).not.toBeNaN()
    }),
    RUNS,
  )
})

const VARIABLES = [
  'AWS_EC2_METADATA_DISABLED',
  'AWS_EC2_METADATA_V1_DISABLED',
  'AWS_EC2_INSTANCE_PROFILE_NAME',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE',
  'AWS_METADATA_SERVICE_TIMEOUT',
  'AWS_METADATA_SERVICE_NUM_ATTEMPTS',
]
const KEYS = [
  'disable_ec2_metadata',
  'ec2_metadata_v1_disabled',
  'ec2_instance_profile_name',
  'ec2_metadata_service_endpoint',
  'ec2_metadata_service_endpoint_mode',
  'metadata_service_timeout',
  'metadata_service_num_attempts',
]
const url = fc.oneof(
  input,
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.constantFrom(
    `http://user:${SECRET}@127.0.0.1/`,
    `http://127.0.0.1/?${SECRET}`,
    'http://[fd00:ec2::254]//',
  ),
)

test('resolves any environment and config file into a usable configuration, or a coded error', async () => {
  const settings = (names: readonly string[]) => fc.dictionary(fc.constantFrom(...names), url)
  await fc.assert(
    fc.asyncProperty(settings(VARIABLES), settings(KEYS), async (env, keys) => {
      const loadProfile = () => Promise.resolve({ name: 'default', keys })
      const config = await resolveConfig({}, { env, loadProfile }).catch(requireCoded)
      if (config instanceof InstanceRoleError) return
      expect(config.timeoutMs.value).toBeGreaterThan(0)
      expect(config.deadlineMs.value).toBeGreaterThan(0)
      expect(Number.isInteger(config.retries.value)).toBe(true)
      expect(config.imdsV1Fallback.value).toBe(false)
    }),
    RUNS,
  )
})

test('checks any options', () => {
  const names = [
    'timeout',
    'deadline',
    'retries',
    'roleName',
    'endpoint',
    'endpointMode',
    'waitForRole',
    'minTtl',
  ]
  const options = fc.dictionary(
    fc.oneof(fc.constantFrom(...names), fc.string()),
    fc.oneof(url, fc.anything()),
  )
  fc.assert(
    fc.property(options, (given) => {
      valueOrCodedError(() => checkOptions(given))
    }),
    RUNS,
  )
})

const FLAGS = ['--port', '--role-name', '--instance-profile-name', '--lifetime', '--hop-limit', '--hops-away']

test('parses any flags into bounded options, or a usage error', () => {
  const args = fc.array(fc.oneof(fc.constantFrom(...FLAGS, '--http-tokens', '--assume-role', '--'), input), {
    maxLength: 6,
  })
  fc.assert(
    fc.property(args, (given) => {
      try {
        const { port, lifetimeSeconds, hopLimit } = parseEmulateOptions(given)
        expect(port).toBeLessThanOrEqual(65_535)
        expect(lifetimeSeconds).toBeGreaterThan(0)
        expect(hopLimit).toBeGreaterThan(0)
      } catch (error) {
        // Node's parseArgs has its own error codes.
        const isKnown = error instanceof Error && (error.name === 'UsageError' || 'code' in error)
        if (!isKnown) throw error
      }
    }),
    RUNS,
  )
})

test(
  'settles with credentials or a coded error whatever bytes IMDS answers a step with',
  { timeout: 60_000 },
  async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString('latin1')),
      body,
    )
    const step = fc.constantFrom('token' as const, 'role' as const, 'credentials' as const)
    const status = fc.constantFrom(200, 200, 200, 400, 401, 404, 418, 500)
    const headers = fc.dictionary(
      fc.constantFrom('retry-after', 'date', 'x-aws-ec2-metadata-token-ttl-seconds', 'location'),
      fc.stringMatching(/^[\x21-\x7e]{0,20}$/),
    )
    await fc.assert(
      fc.asyncProperty(step, status, headers, bytes, async (where, code, sent, answer) => {
        const lines: string[] = []
        const keep = (line: string): void => void lines.push(line)
        const logger = { debug: keep, info: keep, warn: keep, error: keep }
        const { instance, provider } = setup({ provider: { logger } })
        instance.failUntilLifted(where, { status: code, body: answer, headers: sent })
        const given = await provider().catch((error: unknown) =>
          where === 'role' ? error : requireCoded(error),
        )
        // The role's name is not secret, and is shown.
        const shown = where === 'role' ? '' : [exposed(provider.status()), ...lines].join('\n')
        if (given instanceof Error) expect(given).toBeInstanceOf(InstanceRoleError)
        if (given instanceof Error) expect(shown).not.toContain(SECRET.slice(0, 8))
        await provider.close()
      }),
      { numRuns: 150 },
    )
  },
)
