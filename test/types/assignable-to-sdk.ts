// Compiled by `npm run check`, never run: what an application writes has to compile under `strict`, with no cast.
import { DynamoDBClient, type DynamoDBClientConfig, type GetItemCommand } from '@aws-sdk/client-dynamodb'
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { SSMClient, type SSMClientConfig } from '@aws-sdk/client-ssm'
import { STSClient, type STSClientConfig } from '@aws-sdk/client-sts'
import { createCredentialChain, fromEnv, fromTemporaryCredentials } from '@aws-sdk/credential-providers'
import type { RuntimeConfigAwsCredentialIdentityProvider } from '@aws-sdk/types'
import { SignatureV4 } from '@smithy/signature-v4'
import { Sha256 } from '@aws-crypto/sha256-js'
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider, Provider } from '@smithy/types'
import { fromInstanceRole, getRefreshOnExpiredTokenPlugin, refreshOnExpiredToken } from '../../src/index.js'

const credentials = fromInstanceRole()

export const clients: readonly object[] = [
  new S3Client({ credentials }),
  new STSClient({ credentials }),
  new DynamoDBClient({ credentials }),
  new SSMClient({ credentials }),
]

export const s3: S3ClientConfig = { credentials }
export const sts: STSClientConfig = { credentials }
export const dynamodb: DynamoDBClientConfig = { credentials }
export const ssm: SSMClientConfig = { credentials }

export const recovering: readonly [S3Client, STSClient, DynamoDBClient, SSMClient] = [
  refreshOnExpiredToken(new S3Client(s3), credentials),
  refreshOnExpiredToken(new STSClient(sts), credentials),
  refreshOnExpiredToken(new DynamoDBClient(dynamodb), credentials),
  refreshOnExpiredToken(new SSMClient(ssm), credentials),
]

for (const { config, middlewareStack } of [new S3Client(s3)])
  middlewareStack.use(getRefreshOnExpiredTokenPlugin(config, credentials))

export function forOneCommand(client: DynamoDBClient, command: GetItemCommand): void {
  command.middlewareStack.use(getRefreshOnExpiredTokenPlugin(client.config, credentials))
}

export const provider: AwsCredentialIdentityProvider = credentials
export const ofRuntimeConfig: RuntimeConfigAwsCredentialIdentityProvider = credentials
export const plain: Provider<AwsCredentialIdentity> = credentials

export const signer: SignatureV4 = new SignatureV4({
  credentials,
  region: 'eu-central-1',
  service: 'execute-api',
  sha256: Sha256,
})

export const chain: AwsCredentialIdentityProvider = createCredentialChain(fromEnv(), fromInstanceRole())

export const assumed: RuntimeConfigAwsCredentialIdentityProvider = fromTemporaryCredentials({
  masterCredentials: credentials,
  params: { RoleArn: 'arn:aws:iam::123456789012:role/reader' },
})

export async function bare(): Promise<AwsCredentialIdentity> {
  return fromInstanceRole()()
}

export async function used(): Promise<readonly [string, string, string | undefined, Date | undefined]> {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = await credentials()
  return [accessKeyId, secretAccessKey, sessionToken, expiration]
}

// @ts-expect-error a duration is a number of milliseconds
fromInstanceRole({ timeout: '1s' })

// @ts-expect-error there is no such option
fromInstanceRole({ timeoutSeconds: 1 })
