import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { expect, onTestFinished, test } from 'vitest'
import { fromInstanceRole } from '../../src/index.js'
import { DOCUMENT, LISTING, setUp, TOKEN } from './application-on-ec2.js'
import { REGION } from './clients.js'

test('asks IMDS three times for a hundred clients with a provider each', async () => {
  const { aws, endpoint, instance } = await setUp()
  const clients = Array.from({ length: 100 }, () => {
    return new STSClient({ endpoint: aws.url, region: REGION, credentials: fromInstanceRole({ endpoint }) })
  })
  onTestFinished(() => {
    for (const client of clients) client.destroy()
  })
  await Promise.all(clients.map((client) => client.send(new GetCallerIdentityCommand({}))))
  expect(instance.requests).toEqual([TOKEN, LISTING, DOCUMENT])
  expect(aws.requests.filter(({ verdict }) => verdict === 'accepted')).toHaveLength(100)
})

test('returns a new identity to each caller, so that none sees what the SDK writes to another', async () => {
  const { credentials } = await setUp()
  const [one, other] = [await credentials(), await credentials()]
  expect(one).toEqual(other)
  expect(one).not.toBe(other)
  expect(one.$source).not.toBe(other.$source)
})
