// Measures each thing that the first load waits for before its first request, in the same order, in a process that has loaded
// nothing else.
import { report } from './contenders.js'

const startedAt = performance.now()
const { MessageChannel } = process.getBuiltinModule('node:worker_threads')
new MessageChannel().port1.ref()
const portAt = performance.now()
process.getBuiltinModule('node:http')
const httpAt = performance.now()
await import('@smithy/core/config')
report({
  portMs: portAt - startedAt,
  httpMs: httpAt - portAt,
  configLoaderMs: performance.now() - httpAt,
})
// The port would keep the process alive.
process.exit()
