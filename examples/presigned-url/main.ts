import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { fromInstanceMetadataRegion, fromInstanceRole } from 'instance-role'
import { createDownloadLink } from './download-link.js'

const HOUR_SECONDS = 3_600

const credentials = fromInstanceRole()
const s3 = new S3Client({ region: fromInstanceMetadataRegion(), credentials })

const report = { Bucket: 'reports', Key: 'today.txt' }
await s3.send(new PutObjectCommand({ ...report, Body: 'all is well' }))

for (const wishedHours of [1, 12]) {
  const link = await createDownloadLink({ s3, credentials }, report, wishedHours * HOUR_SECONDS)
  const { origin, pathname } = new URL(link.url)
  const hours = (link.expiresIn / HOUR_SECONDS).toFixed(1)
  console.log(`wished for ${wishedHours} h: ${origin}${pathname} is good for ${hours} h`)
  // The user of the link needs no credentials.
  const response = await fetch(link.url)
  console.log(response.status, await response.text())
}
