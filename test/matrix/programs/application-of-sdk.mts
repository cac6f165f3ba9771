// An application of the AWS SDK, as TypeScript sees it.
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { fromInstanceMetadataRegion, fromInstanceRole, refreshOnExpiredToken } from 'instance-role'

const credentials = fromInstanceRole()
const configuration: S3ClientConfig = { credentials, region: fromInstanceMetadataRegion() }
export const client: S3Client = new S3Client(configuration)
export const another: S3Client = new S3Client({ credentials: fromInstanceRole({ roleName: 'app-role' }) })
export const recovering: S3Client = refreshOnExpiredToken(client, credentials)
// @ts-expect-error what is no provider is found, so the types are not those of `any`
export const wrong: S3ClientConfig = { credentials: () => credentials }
