// Measures a cached call: how long it takes, and how many bytes it allocates. With `client`, the call goes through an S3 client.
import { loadContender, type Provider, report } from './contenders.js'

const CALLS = 200_000
const MEASURED_CALLS = 100_000

const makeProvider = await loadContender(process.argv[2])
const provider = process.argv[3] === 'client' ? await ofClient(makeProvider()) : makeProvider()
for (let call = 0; call < CALLS; call += 1) await provider()
const startedAt = performance.now()
for (let call = 0; call < CALLS; call += 1) await provider()
const tookMs = performance.now() - startedAt

globalThis.gc?.()
const heapBefore = process.memoryUsage().heapUsed
for (let call = 0; call < MEASURED_CALLS; call += 1) await provider()
const allocated = process.memoryUsage().heapUsed - heapBefore
report({ ns: (tookMs * 1e6) / CALLS, bytes: allocated / MEASURED_CALLS })

async function ofClient(credentials: Provider): Promise<Provider> {
  const { S3Client } = await import('@aws-sdk/client-s3')
  return new S3Client({ region: 'eu-central-1', credentials }).config.credentials
}
