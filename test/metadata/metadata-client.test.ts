import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { STSClient } from '@aws-sdk/client-sts'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { fromInstanceMetadataRegion, fromInstanceRole, MetadataClient } from '../../src/index.js'
import {
  createTestClock,
  emulateInstance,
  type InstanceOptions,
  resetInstanceRole,
} from '../../src/testing/index.js'
import { exposed, FIRST_LOAD, TOKEN } from '../setup.js'

const AMI = '/latest/meta-data/ami-id'

const instances: { close(): Promise<void> }[] = []

afterEach(async () => {
  await Promise.all(instances.splice(0).map((instance) => instance.close()))
  resetInstanceRole()
})

async function setup(options: InstanceOptions = {}) {
  const instance = emulateInstance(options)
  instances.push(instance)
  const { endpoint } = await instance.listen()
  return { instance, endpoint, metadata: new MetadataClient({ endpoint }) }
}

test('reads what every instance has', async () => {
  const { metadata } = await setup({ region: 'us-west-2' })
  expect(await metadata.region()).toBe('us-west-2')
  expect(await metadata.availabilityZone()).toBe('us-west-2a')
  expect(await metadata.instanceId()).toBe('i-0123456789abcdef0')
  expect(await metadata.get('/latest/meta-data/ami-id')).toBe('ami-0123456789abcdef0')
  expect(await metadata.identityDocument()).toMatchObject({
    accountId: '123456789012',
    instanceId: 'i-0123456789abcdef0',
    region: 'us-west-2',
    availabilityZone: 'us-west-2a',
  })
})

test('uses one metadata token for all reads, and shares it with the credentials', async () => {
  const { instance, endpoint, metadata } = await setup()
  await fromInstanceRole({ endpoint })()
  await Promise.all([metadata.region(), metadata.instanceId(), metadata.availabilityZone()])
  expect(instance.requests.slice(0, 3)).toEqual(FIRST_LOAD)
  expect(instance.requests.filter((request) => request.startsWith(TOKEN))).toHaveLength(1)
  await new MetadataClient({ endpoint, isolated: true }).region()
  expect(instance.requests.filter((request) => request.startsWith(TOKEN))).toHaveLength(2)
})

test('requests one metadata token for many concurrent first reads', async () => {
  const { instance, metadata } = await setup()
  await Promise.all(Array.from({ length: 20 }, () => metadata.get(AMI)))
  expect(instance.requests.filter((request) => request.startsWith(TOKEN))).toHaveLength(1)
})

test('requests one new metadata token when many reads find that IMDS forgot theirs', async () => {
  const { instance, metadata } = await setup()
  await metadata.get(AMI)
  instance.forgetTokens()
  instance.clearRequests()
  await Promise.all(Array.from({ length: 20 }, () => metadata.get(AMI)))
  expect(instance.requests.filter((request) => request.startsWith(TOKEN))).toEqual([`${TOKEN} 200`])
})

test('lets other reads go on if the read that requests the shared metadata token is aborted', async () => {
  const { instance, metadata } = await setup()
  instance.fail('token', 'silence')
  const abort = new AbortController()
  const first = expect(metadata.get(AMI, { abortSignal: abort.signal })).rejects.toThrow('enough')
  const second = metadata.get(AMI)
  await expect.poll(() => instance.requests).toHaveLength(1)
  abort.abort(new Error('enough'))
  await first
  expect(await second).toBe('ami-0123456789abcdef0')
})

test('reads the tags, whatever their keys', async () => {
  const tags = { Name: 'web-1', 'cost center': 'R&D', 'a/b': '50 %' }
  const { metadata } = await setup({ tags })
  expect(await metadata.tags()).toEqual(tags)
})

test('says how to show tags if the metadata has none', async () => {
  const { metadata } = await setup()
  await expect(metadata.tags()).rejects.toMatchObject({
    code: 'METADATA_ABSENT',
    step: 'metadata',
    fix: expect.stringContaining('--instance-metadata-tags enabled') as string,
  })
})

test('returns the user data unchanged, and undefined if there is none', async () => {
  const script = '#!/bin/sh\necho "hello"\n'
  expect(await (await setup({ userData: script })).metadata.userData()).toBe(script)
  expect(await (await setup()).metadata.userData()).toBeUndefined()
  expect(await (await setup()).metadata.get('/latest/meta-data/nothing')).toBeUndefined()
})

/** An IMDS that answers each GET with `status` and these bytes. */
async function serveBytes(bytes: Uint8Array, status = 200) {
  const asked: string[] = []
  const server = createServer(({ method = '', url = '' }, response) => {
    asked.push(`${method} ${url}`)
    if (method === 'PUT') response.end('a-token')
    else response.writeHead(status).end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { asked, metadata: new MetadataClient({ endpoint: `http://127.0.0.1:${port}`, isolated: true }) }
}

test('returns user data that is not text as bytes', async () => {
  const zipped = gzipSync('#!/bin/sh')
  expect(Buffer.from((await (await serveBytes(zipped)).metadata.userDataBytes()) ?? [])).toEqual(zipped)
  expect(await (await setup()).metadata.userDataBytes()).toBeUndefined()
})

test('says at once that user data is not text, and how to read it', async () => {
  const { asked, metadata } = await serveBytes(gzipSync('#!/bin/sh'))
  const hint = expect.stringContaining('userDataBytes()') as string
  await expect(metadata.userData()).rejects.toMatchObject({ code: 'METADATA_NOT_TEXT', attempts: 1, hint })
  expect(asked).toEqual(['PUT /latest/api/token', 'GET /latest/user-data'])
})

test('judges an error page by its status, whatever its encoding', async () => {
  const { metadata } = await serveBytes(Buffer.from('introuvable: à refaire', 'latin1'), 404)
  expect(await metadata.userData()).toBeUndefined()
})

test('trims values, and refuses empty ones', async () => {
  expect(await (await serveBytes(Buffer.from('eu-central-1\n'))).metadata.region()).toBe('eu-central-1')
  const { asked, metadata } = await serveBytes(Buffer.from('\n'))
  await expect(metadata.instanceId()).rejects.toMatchObject({ code: 'BAD_RESPONSE', attempts: 4 })
  expect(asked).toHaveLength(5)
})

test('reads a broken identity document again', async () => {
  const { instance, metadata } = await setup()
  instance.fail('/latest/dynamic/instance-identity/document', 'truncated', 'broken-json')
  expect(await metadata.identityDocument()).toMatchObject({ instanceId: 'i-0123456789abcdef0' })
})

test('reports the number of tries of a read that found nothing', async () => {
  const { instance, metadata } = await setup()
  instance.failUntilLifted('/latest/meta-data/placement/region', { status: 404 })
  await expect(metadata.region()).rejects.toMatchObject({ code: 'METADATA_ABSENT', attempts: 1 })
})

test('shows no credentials and no metadata token, however reading them ends', async () => {
  const { instance, endpoint } = await setup()
  const metadata = new MetadataClient({ endpoint, retries: 0 })
  const path = '/latest/meta-data/iam/security-credentials/app-role'
  instance.fail(path, 'truncated', 'oversized', { status: 500 }, 'reset-mid-body', { status: 401 })
  const errors: unknown[] = []
  for (let read = 0; read < 5; read += 1)
    errors.push(await metadata.get(path).catch((error: unknown) => error))
  const shown = [metadata, ...errors.filter((outcome) => outcome instanceof Error)].map(exposed).join('\n')
  expect(errors.filter((outcome) => outcome instanceof Error).length).toBeGreaterThan(2)
  expect(shown).not.toMatch(/FAKE|SecretAccessKey/)
  expect(await metadata.get(path)).toContain(instance.credentials?.accessKeyId)
})

test('retries, and resumes the tags where the last try failed', async () => {
  const { instance, metadata } = await setup({ tags: { a: '1', b: '2' } })
  instance.fail('/latest/meta-data/tags/instance/b', { status: 503 })
  expect(await metadata.tags()).toEqual({ a: '1', b: '2' })
  expect(instance.requests.filter((request) => request.includes('instance/a'))).toHaveLength(1)
})

test('settles within its limits when IMDS is silent', async () => {
  using clock = createTestClock().install()
  const { instance, metadata } = await setup({ clock })
  instance.failUntilLifted('/latest/meta-data/placement/region', 'silence')
  const startedAt = clock.now()
  await expect(metadata.region()).rejects.toMatchObject({ code: 'TIMEOUT', step: 'metadata', attempts: 4 })
  expect(clock.now() - startedAt).toBeLessThanOrEqual(10_000)
})

test('ends an aborted read', async () => {
  const { instance, metadata } = await setup()
  instance.failUntilLifted('all', 'silence')
  const abort = new AbortController()
  const read = expect(metadata.region({ abortSignal: abort.signal })).rejects.toThrow('enough')
  abort.abort(new Error('enough'))
  await read
})

test.each(['latest/meta-data', '', '/with space', '/line\nbreak'])(
  'refuses the path %j without a request',
  async (path) => {
    const { instance, metadata } = await setup()
    await expect(metadata.get(path)).rejects.toMatchObject({ code: 'BAD_CONFIG' })
    expect(instance.requests).toEqual([])
  },
)

test.each([
  ['placement/region', (metadata: MetadataClient) => metadata.region()],
  ['placement/availability-zone', (metadata: MetadataClient) => metadata.availabilityZone()],
  ['instance-id', (metadata: MetadataClient) => metadata.instanceId()],
])('does not accept another page as the %s', async (item, read) => {
  const { instance, endpoint } = await setup()
  const path = `/latest/meta-data/${item}` as const
  instance.failUntilLifted(path, 'html')
  await expect(read(new MetadataClient({ endpoint, retries: 0 }))).rejects.toMatchObject({
    code: 'BAD_RESPONSE',
    message: expect.stringContaining(
      `The answer to GET ${path} is not a name of letters, digits and hyphens. Make sure that ${endpoint} is IMDS `,
    ) as string,
  })
})

test.each(['broken-json', 'html', { missingField: 'region' }] as const)(
  'names what is wrong with an identity document: %j',
  async (fault) => {
    const { instance, endpoint } = await setup()
    instance.failUntilLifted('/latest/dynamic/instance-identity/document', fault)
    const metadata = new MetadataClient({ endpoint, retries: 0 })
    await expect(metadata.identityDocument()).rejects.toMatchObject({
      code: 'BAD_RESPONSE',
      step: 'metadata',
    })
  },
)

test('returns the region to SDK clients, read once, and again after a failure', async () => {
  const { instance, endpoint } = await setup({ region: 'ap-south-1' })
  const lift = instance.failUntilLifted('all', { status: 403 })
  const sts = new STSClient({ region: fromInstanceMetadataRegion({ endpoint }) })
  await expect(sts.config.region()).rejects.toMatchObject({ code: 'IMDS_DISABLED' })
  lift()
  const region = fromInstanceMetadataRegion({ endpoint })
  const client = new STSClient({ region })
  expect([await client.config.region(), await region()]).toEqual(['ap-south-1', 'ap-south-1'])
  expect(instance.requests.filter((request) => request.endsWith('region 200'))).toHaveLength(1)
})
