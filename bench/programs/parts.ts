// What the first load waits for before it can ask anything: each part in a process that has loaded nothing else, but in its order.
import { report } from './contenders.js'

const startedAt = performance.now()
process.getBuiltinModule('node:http')
const httpAt = performance.now()
await import('@smithy/core/config')
report({
  httpMs: httpAt - startedAt,
  configLoaderMs: performance.now() - httpAt,
})
