import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { fromInstanceRole, InstanceRoleError, refreshOnExpiredToken } from 'instance-role'

export class ArchiveUnavailable extends Error {
  override readonly name = 'ArchiveUnavailable'
}

/** Stores reports in S3, with the role of the instance. */
export function createReportArchive(bucket: string) {
  const credentials = fromInstanceRole()
  const s3 = refreshOnExpiredToken(new S3Client({ region: 'eu-central-1', credentials }), credentials)
  return {
    async store(name: string, text: string): Promise<void> {
      try {
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key: name, Body: text }))
      } catch (error) {
        if (error instanceof InstanceRoleError) throw new ArchiveUnavailable(error.message, { cause: error })
        throw error
      }
    },
    close: async (): Promise<void> => {
      s3.destroy()
      await credentials.close()
    },
  }
}
