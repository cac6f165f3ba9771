import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { expect, onTestFinished, test } from 'vitest'
import type { InstanceRoleOptions } from '../../src/index.js'
import { type ApplicationOnEc2, setUp } from './application-on-ec2.js'
import { REGION } from './clients.js'

const ACCOUNT = '123456789012'

/** A DynamoDB client that finds its endpoint itself, and whose requests reach the loopback AWS all the same. */
function createDynamoDb({ aws, credentials }: ApplicationOnEc2) {
  const hosts: string[] = []
  const dynamodb = new DynamoDBClient({ region: REGION, credentials })
  onTestFinished(() => dynamodb.destroy())
  dynamodb.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { hostname: string }
      hosts.push(request.hostname)
      const { hostname, port, protocol } = new URL(aws.url)
      return next({ ...args, request: { ...request, hostname, port: Number(port), protocol } })
    },
    { step: 'deserialize', priority: 'low' },
  )
  const get = () => dynamodb.send(new GetItemCommand({ TableName: 'visits', Key: { id: { S: '1' } } }))
  return { get, hosts }
}

/** What two calls tell. */
async function callTwice(options: InstanceRoleOptions) {
  const application = await setUp(options)
  const { aws } = application
  const { get, hosts } = createDynamoDb(application)
  await get()
  await get()
  const features = aws.requests.map(({ userAgent }) => / m\/(\S+)/.exec(userAgent)?.[1]?.split(',') ?? [])
  const { requests } = application.instance
  return { verdicts: aws.requests.map(({ verdict }) => verdict), hosts, features, requests }
}

test('makes DynamoDB use the endpoint of the account, and say so in its user agent', async () => {
  const { verdicts, hosts, features } = await callTwice({ accountId: true })
  const endpoint = `${ACCOUNT}.ddb.${REGION}.amazonaws.com`
  expect(hosts).toEqual([endpoint, endpoint])
  expect(verdicts).toEqual(['accepted', 'accepted'])
  expect(features.map((each) => [each.includes('0'), each.includes('T')])).toEqual([
    [true, true],
    [true, true],
  ])
})

test('lets DynamoDB use the endpoint of the region if no account is wanted', async () => {
  const { hosts, features, requests } = await callTwice({})
  expect(requests.filter((request) => request.includes('iam/info'))).toEqual([])
  expect(hosts).toEqual([`dynamodb.${REGION}.amazonaws.com`, `dynamodb.${REGION}.amazonaws.com`])
  expect(features.map((each) => [each.includes('0'), each.includes('T')])).toEqual([
    [true, false],
    [true, false],
  ])
})
