// Makes a hundred clients at once, each with its own provider.
import { S3Client } from '@aws-sdk/client-s3'
import { countConnections, loadContender, report } from './contenders.js'

const makeProvider = await loadContender(process.argv[2])
const clients = Array.from({ length: 100 }, () => new S3Client({ credentials: makeProvider() }))
const connections = await countConnections()
const startedAt = performance.now()
const outcomes = await Promise.allSettled(clients.map(({ config }) => config.credentials()))
const failed = outcomes.filter(({ status }) => status === 'rejected').length
report({ tookMs: performance.now() - startedAt, connections: connections(), failed })
