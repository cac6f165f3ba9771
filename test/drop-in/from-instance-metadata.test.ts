import { expect, onTestFinished, test, vi } from 'vitest'
import { fromInstanceMetadata } from '../../drop-in/src/index.js'
import { InstanceRoleError } from '../../src/index.js'
import { createTestClock, emulateInstance, type Fault, resetInstanceRole } from '../../src/testing/index.js'
import { closedEndpoint } from '../diagnosis/examine.js'
import { FIRST_LOAD, HOUR, MINUTE } from '../setup.js'

/** An instance that the environment leads to, as a program finds it. */
async function setUp(options: Parameters<typeof emulateInstance>[0] = {}) {
  const instance = emulateInstance(options)
  const { env } = await instance.listen()
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null')
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await instance.close()
    resetInstanceRole()
  })
  return instance
}

function setUpWithClock() {
  const clock = createTestClock({ startAt: Date.UTC(2030, 0, 1) }).install()
  onTestFinished(() => clock.release())
  return clock
}

/** The SDK gives more than the official types say. */
function ask(init: object): ReturnType<ReturnType<typeof fromInstanceMetadata>> {
  return fromInstanceMetadata(init)()
}

async function failureOf(init: object): Promise<unknown> {
  return ask(init).catch((error: unknown) => error)
}

const IN_A_CLIENT = { parentClientConfig: {} }
const DOWN: Fault = { status: 503 }

test('ignores the configuration of a client, except for the options of a provider', async () => {
  const instance = await setUp()
  const configuration = {
    ...IN_A_CLIENT,
    ...{ endpoint: 'https://s3.example', region: 'eu-central-1', retries: 'adaptive', accountId: 'other' },
    ...{ dispatcher: {}, deadline: 'soon', minTtl: 'long', roleName: 'other', isolated: 'no' },
  }
  const { accessKeyId } = await ask(configuration)
  expect(accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test('makes one load for all clients, whatever their configuration', async () => {
  const instance = await setUp()
  const inits = Array.from({ length: 10 }, (_, client) => ({ ...IN_A_CLIENT, region: `region-${client}` }))
  await Promise.all(inits.map(ask))
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('retries as often as `maxRetries` says', async () => {
  const instance = await setUp()
  instance.failUntilLifted('role', DOWN)
  expect(await failureOf({ maxRetries: 1 })).toMatchObject({ code: 'SERVER_ERROR', attempts: 2 })
  expect(instance.requests.filter((request) => request.endsWith('503'))).toHaveLength(2)
})

test('waits as long as `timeout` says', async () => {
  const instance = await setUp()
  instance.failUntilLifted('role', 'silence')
  const error = await failureOf({ timeout: 20, maxRetries: 0 })
  expect(error).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('20 ms') as string })
})

test.each([{ timeout: 0 }, { timeout: Infinity }, { maxRetries: Infinity }, { profile: '' }, { logger: {} }])(
  'returns credentials if the official provider does, for a value that is not a limit or a name: %o',
  async (init) => {
    const instance = await setUp()
    const { accessKeyId } = await ask(init)
    expect(accessKeyId).toBe(instance.credentials?.accessKeyId)
  },
)

test('writes to a complete logger', async () => {
  await setUp()
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  await fromInstanceMetadata({ logger })()
  expect(logger.info).toHaveBeenCalledWith(expect.stringContaining('app-role'))
})

test.each([{ timeout: -1 }, { maxRetries: 1.5 }])('names a malformed option: %o', (init) => {
  expect(() => fromInstanceMetadata(init)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }))
})

test.each([
  [{ ec2MetadataV1Disabled: false }, true],
  [{ imdsV1Fallback: true }, true],
  [{}, false],
  [{ ec2MetadataV1Disabled: true, imdsV1Fallback: true }, false],
])('falls back to IMDSv1 only if asked to: %o', async (init, isAllowed) => {
  const instance = await setUp({ httpTokens: 'optional' })
  instance.failUntilLifted('token', { status: 403 })
  const outcome = await ask(init).then(
    () => true,
    () => false,
  )
  expect(outcome).toBe(isAllowed)
})

// The chain keeps a set until 5 min before its end, and asks for a newer one only then.
test('waits for newer credentials only in the last 5 min', async () => {
  const clock = setUpWithClock()
  const instance = await setUp({ clock, lifetimeMs: HOUR, renewEveryMs: HOUR })
  const first = await fromInstanceMetadata()()
  clock.stepWallClock(54 * MINUTE)
  instance.clearRequests()
  clock.stepWallClock(2 * MINUTE)
  instance.rotate()
  const second = await fromInstanceMetadata()()
  expect(second.accessKeyId).not.toBe(first.accessKeyId)
  expect(instance.requests).toHaveLength(1)
})

test('returns its credentials while IMDS is down, even after they expire', async () => {
  const clock = setUpWithClock()
  const instance = await setUp({ clock, lifetimeMs: HOUR })
  const init = { ...IN_A_CLIENT, maxRetries: 0 }
  const { accessKeyId } = await fromInstanceMetadata(init)()
  instance.failUntilLifted('all', DOWN)
  clock.stepWallClock(61 * MINUTE)
  const extended = await fromInstanceMetadata(init)()
  expect(extended).toMatchObject({ accessKeyId, originalExpiration: expect.any(Date) as Date })
  expect(extended.expiration?.getTime()).toBeGreaterThan(clock.now())
})

test('ends the chain of a client with the error itself', async () => {
  const instance = await setUp()
  instance.disassociateProfile()
  expect(await failureOf(IN_A_CLIENT)).toMatchObject({ code: 'NO_ROLE', tryNextLink: false })
  expect(await failureOf({})).toMatchObject({ code: 'NO_ROLE', tryNextLink: true })
})

test('lets the chain of a client end with its own error off EC2', async () => {
  await setUp()
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', await closedEndpoint())
  expect(await failureOf(IN_A_CLIENT)).toMatchObject({ code: 'UNREACHABLE', tryNextLink: true })
})

test.each([
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
])('lets the chain of a client go on if %s gives it more to try', async (name) => {
  const instance = await setUp()
  instance.disassociateProfile()
  vi.stubEnv(name, '/somewhere')
  expect(await failureOf(IN_A_CLIENT)).toMatchObject({ code: 'NO_ROLE', tryNextLink: true })
})

test('throws a different error to each caller, so that chains do not affect each other', async () => {
  const instance = await setUp()
  instance.disassociateProfile()
  const [inClient, alone] = await Promise.all([failureOf(IN_A_CLIENT), failureOf({})])
  expect(inClient).toBeInstanceOf(InstanceRoleError)
  expect([inClient, alone]).toMatchObject([{ tryNextLink: false }, { tryNextLink: true }])
})
