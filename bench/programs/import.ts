// Measures the import of one module in a process that has loaded nothing else.
import { report } from './contenders.js'

const specifier = process.argv[2] ?? './empty.mjs'
const startedAt = performance.now()
await import(specifier)
report({ tookMs: performance.now() - startedAt })
