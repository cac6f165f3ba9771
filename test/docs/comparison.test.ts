// Fails if the comparison, or README, says of the official provider what is no longer so, or points to lines that are not there.
import { S3Client } from '@aws-sdk/client-s3'
import { fromInstanceMetadata, fromNodeProviderChain } from '@aws-sdk/credential-providers'
import { fromInstanceMetadata as fromImdsPackage } from '@smithy/credential-provider-imds'
import type { AwsCredentialIdentityProvider } from '@smithy/types'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { emulateInstance, type InstanceOptions } from '../../src/testing/index.js'
import { head, serveRaw } from '../raw-server.js'
import { readPage } from './snippets.js'

const MODULES = resolve(import.meta.dirname, '../../node_modules')
const PAGE = 'docs/comparison.md'
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const LISTING = 'GET /latest/meta-data/iam/security-credentials/'
const SILENT = { trace: vi.fn(), debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }

afterEach(() => {
  vi.unstubAllEnvs()
  vi.useRealTimers()
  vi.restoreAllMocks()
})

interface Source {
  readonly name: string
  readonly firstLine: number
  readonly lastLine: number
  readonly module: string
  readonly version: string
  readonly path: string
}

/** Links such as `` [`retry.js:1-7`](https://unpkg.com/…@4.5.2/dist-es/…/retry.js) ``. */
const sources: readonly Source[] = [
  ...readPage(PAGE).matchAll(
    /\[`([\w.-]+):(\d+)(?:-(\d+))?`\]\(https:\/\/unpkg\.com\/(@[\w-]+\/[\w-]+)@([\d.]+)\/(\S+)\)/g,
  ),
].map(([, name = '', first, last = first, module = '', version = '', path = '']) => {
  return { name, firstLine: Number(first), lastLine: Number(last), module, version, path }
})

function complaint({ name, firstLine, lastLine, module, version, path }: Source): string | undefined {
  const file = resolve(MODULES, module, path)
  if (!path.endsWith(`/${name}`) || !existsSync(file)) return `there is no ${path} in ${module}`
  const { version: installed } = JSON.parse(
    readFileSync(resolve(MODULES, module, 'package.json'), 'utf8'),
  ) as { version: string }
  if (installed !== version)
    return `${module} is ${installed} by now: read ${name} again, and run what is measured`
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').length
  return firstLine <= lastLine && lastLine <= lines ? undefined : `${name} has ${lines} lines`
}

test('points to lines of the packages that are installed', () => {
  expect(sources.length).toBeGreaterThan(20)
  expect(sources.map(complaint).filter((text) => text !== undefined)).toEqual([])
})

async function setup(options: InstanceOptions = {}) {
  const instance = emulateInstance(options)
  onTestFinished(() => instance.close())
  const { endpoint } = await instance.listen()
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', endpoint)
  for (const name of ['AWS_PROFILE', 'AWS_ACCESS_KEY_ID', 'AWS_EC2_METADATA_V1_DISABLED'])
    vi.stubEnv(name, undefined)
  return instance
}

/** As a client asks for them, its cache in front. */
function inClient(provider: AwsCredentialIdentityProvider): AwsCredentialIdentityProvider {
  const { credentials } = new S3Client({ credentials: provider }).config
  return (options) => credentials(options)
}

const settledWithin = (promise: Promise<unknown>, limitMs: number): Promise<boolean> =>
  Promise.race([promise.then(Boolean, () => true), sleep(limitMs, false)])

const STEPS = ['token', 'role', 'credentials'] as const
type Step = (typeof STEPS)[number]

/** An IMDS that closes the connection, without a reset, in the middle of its answer to that step. */
async function setupClosing(broken: Step): Promise<void> {
  const instance = emulateInstance()
  const server = await serveRaw((socket) => {
    const [method = '', path = ''] = (server.received.at(-1) ?? '').split(' ')
    const outcome = instance.answer({ method, path, headers: headersOf(server.received.at(-1)) })
    const body = 'reply' in outcome ? outcome.reply.body : ''
    const isBroken = stepOf(method, path) === broken
    const sent = isBroken ? body.slice(0, Math.ceil(body.length / 2)) : body
    socket.end(head(`Content-Length: ${body.length}`, 'Connection: close') + sent)
  })
  onTestFinished(() => server[Symbol.asyncDispose]())
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', server.endpoint)
}

function stepOf(method: string, path: string): Step {
  if (method === 'PUT') return 'token'
  return path.endsWith('/') ? 'role' : 'credentials'
}

function headersOf(request = ''): Record<string, string> {
  const fields = [...request.matchAll(/^([\w-]+): (.*)\r$/gm)]
  return Object.fromEntries(fields.map(([, name = '', value = '']) => [name.toLowerCase(), value]))
}

/** What becomes of a call, and of a later one of the same client, within a time that is longer than `timeout`. */
async function outcomes(
  maxRetries: number,
  limitMs: number,
  create: typeof fromInstanceMetadata = fromInstanceMetadata,
): Promise<string[]> {
  const credentials = inClient(create({ timeout: 300, maxRetries }))
  const outcome = (): Promise<string> =>
    Promise.race([
      credentials().then(
        () => 'credentials',
        () => 'an error',
      ),
      sleep(limitMs, 'never settles'),
    ])
  return [await outcome(), await outcome()]
}

// The official provider loads its modules at the first call, which takes a part of its time.
beforeAll(async () => {
  await using instance = emulateInstance()
  const { endpoint } = await instance.listen()
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', endpoint)
  await fromInstanceMetadata({ timeout: 10_000 })()
  vi.unstubAllEnvs()
})

const NEVER = ['never settles', 'never settles']

test.each(STEPS)(
  'an answer to %s that is closed in the middle: the call never settles, nor does a later one of the client',
  async (step) => {
    await setupClosing(step)
    expect(await outcomes(3, 700)).toEqual(NEVER)
  },
)

test('by way of the default chain, it is the same', async () => {
  await setupClosing('credentials')
  expect(await outcomes(3, 700, fromNodeProviderChain)).toEqual(NEVER)
})

/** On these lines, Node reports a reset in the middle of an answer as an error of the request. */
const REPORTS_A_RESET = Number(process.versions.node.split('.')[0]) >= 24

test.each(STEPS)(
  'an answer to %s that ends in a reset: the same on Node 20 and 22, a failed call on Node 24 and 26',
  async (step) => {
    const instance = await setup()
    instance.fail(step, 'reset-mid-body')
    expect(await outcomes(0, 700)).toEqual(REPORTS_A_RESET ? ['an error', 'credentials'] : NEVER)

    expect(await settledWithin(inClient(fromInstanceMetadata())(), 4_000)).toBe(true)
  },
)

test.each([{ status: 401 }, { status: 404 }, { status: 429 }, { status: 503 }, 'reset', 'silence'] as const)(
  'the token request fails (%o): IMDSv1 is used',
  async (fault) => {
    const instance = await setup({ httpTokens: 'optional' })
    instance.fail('token', fault)
    await fromInstanceMetadata({ timeout: 200 })()
    expect(instance.requests.slice(1)).toEqual([`${LISTING} 200`, `${LISTING}app-role 200`])
  },
)

test('the token request fails with 400: an error', async () => {
  const instance = await setup({ httpTokens: 'optional' })
  instance.fail('token', { status: 400 })
  await expect(fromInstanceMetadata()()).rejects.toMatchObject({ statusCode: 400 })
  expect(instance.requests).toHaveLength(1)
})

test('behind a hop limit: the timeout is lost at each load, then IMDSv1', async () => {
  const instance = await setup({ httpTokens: 'optional', hopsAway: 1 })
  const credentials = fromImdsPackage({ timeout: 200, logger: SILENT })
  for (let load = 1; load <= 2; load += 1) {
    expect(await settledWithin(credentials(), 150)).toBe(false)
    await vi.waitFor(() => expect(instance.requests).toHaveLength(3 * load))
  }
  expect(instance.requests.filter((request) => request === 'PUT /latest/api/token silence')).toHaveLength(2)
})

test('behind a hop limit, without IMDSv1: a 401 that says nothing', async () => {
  await setup({ hopsAway: 1 })
  await expect(fromInstanceMetadata({ timeout: 200 })()).rejects.toMatchObject({
    message: 'Error response received from instance metadata service',
    statusCode: 401,
  })
})

test('the trust policy is wrong: `Invalid response received …`', async () => {
  const { role } = await setup()
  if (role) role.trustPolicy = { Version: '2012-10-17', Statement: [] }
  await expect(fromInstanceMetadata()()).rejects.toThrow(
    'Invalid response received from instance metadata service.',
  )
  await expect(fromNodeProviderChain()()).rejects.toThrow('Could not load credentials from any providers')
})

const THROWS = 'throws'
const WAYS = [
  { way: '@aws-sdk/credential-providers', create: fromInstanceMetadata, good: THROWS, expired: THROWS },
  { way: 'the default chain', create: fromNodeProviderChain, good: 'held', expired: THROWS },
  { way: '@smithy/credential-provider-imds', create: fromImdsPackage, good: 'held', expired: 'held' },
]

test.each(WAYS)('a refresh fails, by way of $way', async ({ create, good, expired }) => {
  const startAt = Date.UTC(2030, 0, 1)
  vi.useFakeTimers({ toFake: ['Date'], now: startAt })
  const instance = await setup({ lifetimeMs: HOUR_MS })
  const credentials = inClient(create({ logger: SILENT }))
  const { accessKeyId } = await credentials()
  instance.failUntilLifted('all', { status: 503 })
  const given = async (minute: number): Promise<string> => {
    vi.setSystemTime(startAt + minute * MINUTE_MS)
    return credentials().then(
      (now) => (now.accessKeyId === accessKeyId ? 'held' : 'another'),
      () => THROWS,
    )
  }

  expect([await given(56), await given(61), await given(90)]).toEqual([good, expired, expired])
})

test('asks again up to 5 min after a refresh has failed, by way of @smithy/credential-provider-imds', async () => {
  const startAt = Date.UTC(2030, 0, 1)
  vi.useFakeTimers({ toFake: ['Date'], now: startAt })
  vi.spyOn(Math, 'random').mockReturnValue(0.99)
  const instance = await setup({ lifetimeMs: HOUR_MS, renewEveryMs: HOUR_MS })
  const credentials = inClient(fromImdsPackage({ logger: SILENT }))
  const { accessKeyId } = await credentials()
  vi.setSystemTime(startAt + 59.9 * MINUTE_MS)
  const lift = instance.failUntilLifted('all', { status: 503 })
  await credentials()
  lift()

  vi.setSystemTime(startAt + 64 * MINUTE_MS)
  expect(await credentials()).toMatchObject({ accessKeyId, originalExpiration: new Date(startAt + HOUR_MS) })

  vi.setSystemTime(startAt + 65 * MINUTE_MS)
  expect((await credentials()).accessKeyId).not.toBe(accessKeyId)
})
