/* eslint-disable @typescript-eslint/no-deprecated -- shared configurations have credentialDefaultProvider all the same */
import { ListBucketsCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startVerifyingAwsEndpoint } from '../../examples/emulated-aws/verifying-aws-endpoint.js'
import { fromInstanceRole } from '../../src/index.js'
import { emulateInstance, resetInstanceRole } from '../../src/testing/index.js'
import { FIRST_LOAD } from '../setup.js'

/** An instance that the environment leads to, and an S3 that checks signatures. */
async function setUp() {
  const instance = emulateInstance()
  const { env } = await instance.listen()
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  const aws = await startVerifyingAwsEndpoint({ findCredentials: (key) => instance.findCredentials(key) })
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await aws.close()
    await instance.close()
    resetInstanceRole()
  })
  const configuration: S3ClientConfig = { region: 'eu-central-1', endpoint: aws.url, forcePathStyle: true }
  return { instance, aws, configuration }
}

test('returns credentials as the default provider of clients, which pass their whole configuration', async () => {
  const { instance, aws, configuration } = await setUp()
  const clients = Array.from(
    { length: 3 },
    () => new S3Client({ ...configuration, credentialDefaultProvider: fromInstanceRole }),
  )
  await Promise.all(clients.map((client) => client.send(new ListBucketsCommand({}))))
  expect(aws.requests.map(({ verdict }) => verdict)).toEqual(['accepted', 'accepted', 'accepted'])
  expect(instance.requests).toEqual(FIRST_LOAD)
})

test('writes to the logger of a client whose default provider it is', async () => {
  const { configuration } = await setUp()
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const client = new S3Client({ ...configuration, logger, credentialDefaultProvider: fromInstanceRole })
  await client.config.credentials()
  expect(logger.info).toHaveBeenCalledWith(expect.stringContaining('app-role'))
})

test('says that it must be called if a client is given the function itself', async () => {
  const { instance, configuration } = await setUp()
  // @ts-expect-error JavaScript lets it through
  const client = new S3Client({ ...configuration, credentials: fromInstanceRole })
  await expect(client.send(new ListBucketsCommand({}))).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringContaining('Call it: `credentials: fromInstanceRole()`') as string,
  })
  expect(instance.requests).toEqual([])
})
