// Measures the first load of a process and the refreshes after it: time and TCP connections.
import { countConnections, loadContender, report } from './contenders.js'

const REFRESHES = Number(process.argv[3] ?? 0)

const makeProvider = await loadContender(process.argv[2])
const connections = await countConnections()
const provider = makeProvider()

const startedAt = performance.now()
await provider()
const firstLoadMs = performance.now() - startedAt
const firstLoadConnections = connections()

if (REFRESHES === 0) {
  report({ firstLoadMs, firstLoadConnections })
  process.exit()
}
const refreshesAt = performance.now()
for (let refresh = 0; refresh < REFRESHES; refresh += 1) await provider({ forceRefresh: true })
report({
  firstLoadMs,
  firstLoadConnections,
  refreshMs: (performance.now() - refreshesAt) / REFRESHES,
  refreshConnections: (connections() - firstLoadConnections) / REFRESHES,
})
