// Measures the memory of a thousand providers, each called once.
import { loadContender, report } from './contenders.js'

const PROVIDERS = 1_000

const makeProvider = await loadContender(process.argv[2])
const kept = [makeProvider()]
await kept[0]?.()
const heapBefore = await settledHeap()
for (let made = 0; made < PROVIDERS; made += 1) {
  const provider = makeProvider()
  await provider()
  kept.push(provider)
}
const bytes = ((await settledHeap()) - heapBefore) / PROVIDERS
report({ bytes, kept: kept.length })

async function settledHeap(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    gc?.()
  }
  return process.memoryUsage().heapUsed
}
