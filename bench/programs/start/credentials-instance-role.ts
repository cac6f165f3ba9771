import { fromInstanceRole } from '../../../src/index.js'

await fromInstanceRole()()
console.log(JSON.stringify({ tookMs: performance.now() }))
