import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@aws-sdk/types'

export interface Clients {
  readonly s3: S3Client
  readonly sts: STSClient
  readonly dynamodb: DynamoDBClient
  readonly ssm: SSMClient
  destroy(): void
}

export type ServiceName = 'dynamodb' | 's3' | 'ssm' | 'sts'

export const SERVICE_NAMES: readonly ServiceName[] = ['s3', 'sts', 'dynamodb', 'ssm']

export const REGION = 'eu-central-1'

/** The four real clients on one endpoint, with nothing set that an application would not set. */
export function createClients(
  endpoint: string,
  credentials: AwsCredentialIdentity | AwsCredentialIdentityProvider,
): Clients {
  const configuration = { endpoint, credentials, region: REGION }
  const s3 = new S3Client({ ...configuration, forcePathStyle: true })
  const sts = new STSClient(configuration)
  const dynamodb = new DynamoDBClient(configuration)
  const ssm = new SSMClient(configuration)
  return {
    s3,
    sts,
    dynamodb,
    ssm,
    destroy: () => {
      for (const client of [s3, sts, dynamodb, ssm]) client.destroy()
    },
  }
}

/** One plain call to the service: it succeeds, and changes nothing. */
export function call(clients: Clients, service: ServiceName): Promise<unknown> {
  switch (service) {
    case 's3':
      return clients.s3.send(new ListBucketsCommand({}))
    case 'sts':
      return clients.sts.send(new GetCallerIdentityCommand({}))
    case 'dynamodb':
      return clients.dynamodb.send(new GetItemCommand({ TableName: 'visits', Key: { id: { S: '1' } } }))
    case 'ssm':
      return clients.ssm.send(new GetParameterCommand({ Name: '/app/colour' }))
  }
}

export function callEach(clients: Clients): Promise<unknown[]> {
  return Promise.all(SERVICE_NAMES.map((service) => call(clients, service)))
}
