// Makes a thousand calls at once, before anything is cached.
import { countConnections, loadContender, report } from './contenders.js'

const makeProvider = await loadContender(process.argv[2])
const connections = await countConnections()
const provider = makeProvider()
const startedAt = performance.now()
const outcomes = await Promise.allSettled(Array.from({ length: 1_000 }, () => provider()))
const failed = outcomes.filter(({ status }) => status === 'rejected').length
report({ tookMs: performance.now() - startedAt, connections: connections(), failed })
