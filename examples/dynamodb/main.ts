import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { fromInstanceMetadataRegion, fromInstanceRole } from 'instance-role'

const dynamodb = new DynamoDBClient({
  region: fromInstanceMetadataRegion(),
  // With the account of the role, the SDK uses the endpoint of that account.
  credentials: fromInstanceRole({ accountId: true }),
})

const key = { id: { S: 'order-1' } }
await dynamodb.send(new PutItemCommand({ TableName: 'orders', Item: { ...key, total: { N: '42' } } }))
const { Item } = await dynamodb.send(new GetItemCommand({ TableName: 'orders', Key: key }))
console.log('order-1 costs', Item?.['total']?.N)
