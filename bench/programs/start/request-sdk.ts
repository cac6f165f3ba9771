import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { fromInstanceMetadata } from '@aws-sdk/credential-providers'
import { s3Endpoint } from './s3-endpoint.js'

const s3 = new S3Client({ credentials: fromInstanceMetadata(), ...s3Endpoint() })
await s3.send(new ListBucketsCommand())
console.log(JSON.stringify({ tookMs: performance.now() }))
