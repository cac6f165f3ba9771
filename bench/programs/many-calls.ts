// A thousand calls at once, before anything is held.
import { countConnections, loadContender, report } from './contenders.js'

const makeProvider = await loadContender(process.argv[2])
const connections = await countConnections()
const provider = makeProvider()
const startedAt = performance.now()
await Promise.all(Array.from({ length: 1_000 }, () => provider()))
report({ tookMs: performance.now() - startedAt, connections: connections() })
