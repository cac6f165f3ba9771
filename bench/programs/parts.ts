// What the first load waits for before it can ask anything: each part in a process that has loaded nothing else, but in its order.
import { report } from './contenders.js'

const startedAt = performance.now()
await import('undici/lib/dispatcher/agent.js')
const agentAt = performance.now()
// Refused at once: what takes time is that Node loads its own undici, and runs it for the first time.
await fetch('http://127.0.0.1:1/').catch(() => {})
const fetchAt = performance.now()
await import('@smithy/core/config')
report({
  agentMs: agentAt - startedAt,
  fetchMs: fetchAt - agentAt,
  configLoaderMs: performance.now() - fetchAt,
})
