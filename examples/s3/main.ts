import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { fromInstanceMetadataRegion, fromInstanceRole } from 'instance-role'

const s3 = new S3Client({ region: fromInstanceMetadataRegion(), credentials: fromInstanceRole() })

const report = { Bucket: 'reports', Key: 'today.txt' }
await s3.send(new PutObjectCommand({ ...report, Body: 'all is well' }))

const { Body } = await s3.send(new GetObjectCommand(report))
console.log(report.Key, 'says:', await Body?.transformToString())
