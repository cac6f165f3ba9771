import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { s3Endpoint } from './s3-endpoint.js'

const s3 = new S3Client(s3Endpoint())
await s3.send(new ListBucketsCommand())
console.log(JSON.stringify({ tookMs: performance.now() }))
