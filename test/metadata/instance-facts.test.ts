// Metadata that cannot change is requested once per process.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { S3Client } from '@aws-sdk/client-s3'
import { setupServer } from 'msw/node'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import {
  fromInstanceMetadataRegion,
  fromInstanceRole,
  type ImdsDispatcher,
  MetadataClient,
  type MetadataClientOptions,
} from '../../src/index.js'
import {
  createTestClock,
  emulateInstance,
  type InstanceOptions,
  resetInstanceRole,
} from '../../src/testing/index.js'
import { TOKEN, watchedDispatcher } from '../setup.js'

const REGION = '/latest/meta-data/placement/region'
const FACTS = {
  region: REGION,
  availabilityZone: '/latest/meta-data/placement/availability-zone',
  instanceId: '/latest/meta-data/instance-id',
  identityDocument: '/latest/dynamic/instance-identity/document',
} as const

type Fact = keyof typeof FACTS
const EACH = Object.keys(FACTS) as Fact[]

afterEach(() => resetInstanceRole())

function setup(options: InstanceOptions = {}) {
  const instance = emulateInstance({ region: 'ap-south-1', ...options })
  onTestFinished(() => instance.close())
  const { dispatcher } = instance
  const create = (given: MetadataClientOptions = {}) => new MetadataClient({ dispatcher, ...given })
  const asked = (path: string) => instance.requests.filter((request) => request.startsWith(`GET ${path} `))
  return { instance, dispatcher, create, asked }
}

test.each(EACH)('reads the %s once, however many clients ask at the same time', async (fact) => {
  const { instance, create } = setup()
  const values = await Promise.all(Array.from({ length: 50 }, () => create()[fact]()))
  expect(values).toEqual(Array.from({ length: 50 }, () => values[0]))
  expect(instance.requests).toEqual([`${TOKEN} 200`, `GET ${FACTS[fact]} 200`])
})

test('makes one region request for fifty AWS clients that start together', async () => {
  const { instance, dispatcher } = setup()
  const clients = Array.from({ length: 50 }, () => {
    return new DynamoDBClient({ region: fromInstanceMetadataRegion({ dispatcher }) })
  })
  const regions = await Promise.all(clients.map((client) => client.config.region()))
  expect(new Set(regions)).toEqual(new Set(['ap-south-1']))
  expect(instance.requests).toEqual([`${TOKEN} 200`, `GET ${REGION} 200`])
})

test('knows the region of an AWS client that is made during an outage of IMDS', async () => {
  const { instance, dispatcher } = setup()
  const configuration = () => ({
    region: fromInstanceMetadataRegion({ dispatcher }),
    credentials: fromInstanceRole({ dispatcher }),
  })
  const first = new S3Client(configuration())
  await Promise.all([first.config.region(), first.config.credentials()])
  instance.failUntilLifted('all', { status: 503 })
  const second = new DynamoDBClient(configuration())
  expect(await second.config.region()).toBe('ap-south-1')
  expect((await second.config.credentials()).accessKeyId).toBe(instance.credentials?.accessKeyId)
})

test.each(EACH)('reads the %s again after a failure', async (fact) => {
  const { instance, create } = setup()
  const lift = instance.failUntilLifted(FACTS[fact], { status: 404 })
  const metadata = create()
  await expect(metadata[fact]()).rejects.toMatchObject({ code: 'METADATA_ABSENT' })
  lift()
  expect(await metadata[fact]()).toEqual(await create()[fact]())
})

test('does not remember metadata that can change', async () => {
  const { create, asked } = setup({ tags: { a: '1' }, userData: 'x' })
  const metadata = create()
  await metadata.region()
  for (let read = 0; read < 2; read += 1) {
    expect(await metadata.get(REGION)).toBe('ap-south-1')
    await Promise.all([metadata.userData(), metadata.userDataBytes(), metadata.tags()])
  }
  expect(asked(REGION)).toHaveLength(3)
  expect(asked('/latest/user-data')).toHaveLength(4)
  expect(asked('/latest/meta-data/tags/instance')).toHaveLength(2)
})

test('returns a new identity document to each caller', async () => {
  const { create } = setup()
  Object.assign(await create().identityDocument(), { region: 'elsewhere' })
  expect(await create().identityDocument()).toMatchObject({ region: 'ap-south-1' })
})

test('throws a different error to each waiting caller', async () => {
  const { instance, create } = setup()
  instance.failUntilLifted('all', { status: 403 })
  const outcomes = await Promise.allSettled([create().region(), create().region()])
  const errors = outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as Error) : null))
  expect(errors).toMatchObject([{ code: 'IMDS_DISABLED' }, { code: 'IMDS_DISABLED' }])
  expect(errors[0]).not.toBe(errors[1])
})

test('lets a client wait as long as its own limits say, while one with shorter limits fails', async () => {
  const clock = createTestClock().install()
  onTestFinished(() => clock.release())
  const { instance, create } = setup({ clock })
  await create().get('/latest/meta-data/ami-id')
  instance.failUntilLifted(REGION, { delayMs: 800 })
  const [impatient, patient] = [create({ timeout: 150, retries: 0 }), create({ timeout: 2_000, retries: 0 })]
  const failed = expect(impatient.region()).rejects.toMatchObject({ code: 'TIMEOUT' })
  const served = patient.region()
  await clock.advance(1_000)
  await failed
  expect(await served).toBe('ap-south-1')
  expect(await impatient.region()).toBe('ap-south-1')
})

/** Clients whose request for the region is answered when `answer` is called. */
function setupHeld() {
  const { dispatcher, asked } = setup()
  let answer = () => {}
  const answered = new Promise<void>((resolve) => (answer = resolve))
  const held: ImdsDispatcher = {
    request: async (options) => {
      const response = await dispatcher.request(options)
      if (options.path === REGION) await answered
      return response
    },
  }
  return { create: () => new MetadataClient({ dispatcher: held }), asked, answer: () => answer() }
}

test('continues for the others when one waiting caller is aborted', async () => {
  const { create, asked, answer } = setupHeld()
  const abort = new AbortController()
  const first = expect(create().region({ abortSignal: abort.signal })).rejects.toThrow('enough')
  const second = create().region()
  await expect.poll(() => asked(REGION)).toHaveLength(1)
  abort.abort(new Error('enough'))
  await first
  answer()
  expect(await second).toBe('ap-south-1')
  expect(asked(REGION)).toHaveLength(1)
})

test('shares nothing with a client that has another dispatcher, another endpoint, or is isolated', async () => {
  const { create, dispatcher, asked } = setup()
  const others: MetadataClientOptions[] = [
    { dispatcher: watchedDispatcher(dispatcher, () => {}) },
    { endpoint: 'http://127.0.0.1' },
    { isolated: true },
  ]
  await create().region()
  for (const options of others) await create(options).region()
  expect(asked(REGION)).toHaveLength(4)
})

test('reads once for repeated calls of an isolated client', async () => {
  const { create, asked } = setup()
  const metadata = create({ isolated: true })
  await metadata.region()
  await metadata.region()
  expect(asked(REGION)).toHaveLength(1)
})

test('still says that IMDS is disabled where the region is known', async () => {
  const { create } = setup()
  await create().region()
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(create().region()).rejects.toMatchObject({ code: 'IMDS_DISABLED_BY_ENV' })
})

test('reads again after a reset, for clients at module scope as well', async () => {
  const { create, asked } = setup()
  const metadata = create()
  await metadata.region()
  resetInstanceRole()
  await metadata.region()
  expect(asked(REGION)).toHaveLength(2)
})

test('discards a read that was running at the reset', async () => {
  const { create, asked, answer } = setupHeld()
  const underWay = create().region()
  await expect.poll(() => asked(REGION)).toHaveLength(1)
  resetInstanceRole()
  answer()
  expect(await underWay).toBe('ap-south-1')
  await create().region()
  expect(asked(REGION)).toHaveLength(2)
})

test('does not use the region of one emulated instance for the next one at the same address', async () => {
  const region = fromInstanceMetadataRegion({ endpoint: 'http://169.254.169.254' })
  const seen: string[] = []
  for (const name of ['us-west-2', 'eu-north-1']) {
    const server = setupServer(...emulateInstance({ region: name }).handlers)
    server.listen({ onUnhandledRequest: 'error' })
    seen.push(await region())
    server.close()
  }
  expect(seen).toEqual(['us-west-2', 'eu-north-1'])
})
