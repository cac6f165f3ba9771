import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc: unknown = runInNewContext('gc')

function isCollector(value: unknown): value is () => void {
  return typeof value === 'function'
}

const MOST_ROUNDS = 20

/** Collects what is unreachable. One round can miss objects that were read just before, so it goes on until `isDone`. */
export async function collectGarbage(isDone: () => boolean = () => true): Promise<void> {
  if (!isCollector(gc)) throw new TypeError('This process cannot be told to collect garbage')
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    gc()
    await new Promise((resolve) => setImmediate(resolve))
    if (isDone()) return
  }
}
