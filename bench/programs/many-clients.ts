// A hundred clients of a process, each with a provider of its own, all at once.
import { S3Client } from '@aws-sdk/client-s3'
import { countConnections, loadContender, report } from './contenders.js'

const makeProvider = await loadContender(process.argv[2])
const clients = Array.from({ length: 100 }, () => new S3Client({ credentials: makeProvider() }))
const connections = await countConnections()
const startedAt = performance.now()
await Promise.all(clients.map(({ config }) => config.credentials()))
report({ tookMs: performance.now() - startedAt, connections: connections() })
