import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { S3Client } from '@aws-sdk/client-s3'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { fromInstanceMetadataRegion, fromInstanceRole, MetadataClient } from '../../src/index.js'
import { createTestClock, emulateInstance, resetInstanceRole } from '../../src/testing/index.js'
import { HOUR, MINUTE } from '../setup.js'

afterEach(() => resetInstanceRole())

function setup() {
  const clock = createTestClock().install()
  onTestFinished(() => clock.release())
  const instance = emulateInstance({ clock, region: 'ap-south-1' })
  const { dispatcher } = instance
  const configuration = () => ({
    region: fromInstanceMetadataRegion({ dispatcher }),
    credentials: fromInstanceRole({ dispatcher }),
  })
  return { clock, instance, dispatcher, configuration }
}

test.each(['silence', 'refuse', 'reset', { status: 503 }] as const)(
  'gives region and credentials to clients that are made in the sixth hour of an outage (%j)',
  async (fault) => {
    const { clock, instance, configuration } = setup()
    const first = new S3Client(configuration())
    const [, held] = await Promise.all([first.config.region(), first.config.credentials()])
    instance.failUntilLifted('all', fault)
    await clock.advance(HOUR * 6 - MINUTE)
    const later = [new S3Client(configuration()), new DynamoDBClient(configuration())]
    const regions = await Promise.all(later.map((client) => client.config.region()))
    const served = Promise.all(later.map((client) => client.config.credentials()))
    await clock.advance(MINUTE)
    expect(regions).toEqual(['ap-south-1', 'ap-south-1'])
    expect(new Set((await served).map(({ accessKeyId }) => accessKeyId))).toEqual(new Set([held.accessKeyId]))
  },
)

test('returns metadata that cannot change from memory during an outage', async () => {
  const { instance, dispatcher } = setup()
  const read = (metadata: MetadataClient) =>
    Promise.all([
      metadata.region(),
      metadata.availabilityZone(),
      metadata.instanceId(),
      metadata.identityDocument(),
    ])
  const before = await read(new MetadataClient({ dispatcher }))
  instance.failUntilLifted('all', 'silence')
  instance.clearRequests()
  expect(await read(new MetadataClient({ dispatcher }))).toEqual(before)
  expect(instance.requests).toEqual([])
})
