import { fromInstanceMetadata } from '@aws-sdk/credential-providers'

await fromInstanceMetadata()()
console.log(JSON.stringify({ tookMs: performance.now() }))
