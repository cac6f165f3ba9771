import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc: unknown = runInNewContext('gc')

function isCollector(value: unknown): value is () => void {
  return typeof value === 'function'
}

/** Everything that is unreachable is then collected. */
export async function collectGarbage(): Promise<void> {
  if (!isCollector(gc)) throw new TypeError('This process cannot be told to collect garbage')
  await new Promise((resolve) => setImmediate(resolve))
  gc()
}
