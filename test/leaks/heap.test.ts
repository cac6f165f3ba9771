import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { compile } from './compile.js'

const script = await compile(new URL('heap.ts', import.meta.url))

/** The number of bytes by which the heap of a separate process grew. */
async function growth(kind: string, count: number): Promise<number> {
  const args = ['--expose-gc', script, kind, String(count)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return Number(stdout)
}

// One byte kept per call would be 1 MB, the credentials of each refresh 12 MB. Collection leaves about 0.6 MB of noise.
test.each([
  { kind: 'cached calls', count: 1_000_000, most: 500_000 },
  { kind: 'refreshes', count: 10_000, most: 1_500_000 },
  { kind: 'calls that fail while another waits', count: 5_000, most: 1_000_000 },
  { kind: 'providers with a logger of their own', count: 5_000, most: 1_000_000 },
])('holds the heap flat over $count $kind', { timeout: 120_000 }, async ({ kind, count, most }) => {
  expect(await growth(kind, count)).toBeLessThan(most)
})
