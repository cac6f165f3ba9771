import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Verdict } from '../../src/refresh/refresh-schedule.js'
import { type Change, RefreshingCache } from '../../src/refresh/refreshing-cache.js'

/** A cache whose verdict and loads are decided by the test. */
function setup() {
  const loads: { context: string; resolve: (value: number) => void; reject: (error: Error) => void }[] = []
  const changes: Change<number>[] = []
  const world = { verdict: 'use' as Verdict, isServable: true }
  const cache = new RefreshingCache<number, number, string>({
    load: (context) => new Promise((resolve, reject) => void loads.push({ context, resolve, reject })),
    judge: (held) => (held === undefined ? 'refresh-first' : world.verdict),
    isServable: () => world.isServable,
    afterSuccess: (_held, value) => value,
    afterFailure: (held) => held,
    observe: (change) => void changes.push(change),
  })
  const load = async (value: number): Promise<void> => {
    const loading = cache.refresh('')
    loads.at(-1)?.resolve(value)
    await loading
  }
  return { cache, loads, changes, world, load }
}

test('makes one load however many callers ask at the same time', async () => {
  const { cache, loads } = setup()
  const calls = Promise.all([cache.get('first'), cache.get('second'), cache.refresh('third')])
  loads[0]?.resolve(7)
  expect(await calls).toEqual([7, 7, 7])
  expect(loads.map(({ context }) => context)).toEqual(['first'])
})

test('returns the cached value without a promise', async () => {
  const { cache, load } = setup()
  await load(1)
  expect(cache.serve('')).toBe(1)
})

test('returns the cached value at once while a refresh runs, and the new value afterwards', async () => {
  const { cache, loads, world, load } = setup()
  await load(1)
  world.verdict = 'use-and-refresh'
  expect([cache.serve(''), cache.serve('')]).toEqual([1, 1])
  expect(loads).toHaveLength(2)
  const behind = cache.refresh('')
  loads[1]?.resolve(2)
  await behind
  expect(cache.serve('')).toBe(2)
})

test('falls back on what is held when a load fails and it may be served, and throws when it may not', async () => {
  const { cache, loads, world, load } = setup()
  await load(1)
  world.verdict = 'refresh-first'
  const served = cache.get('')
  loads[1]?.reject(new Error('down'))
  expect(await served).toBe(1)
  world.isServable = false
  const refused = cache.get('')
  loads[2]?.reject(new Error('down'))
  await expect(refused).rejects.toThrow('down')
})

test('loads again after a failure', async () => {
  const { cache, loads } = setup()
  const failed = cache.get('')
  loads[0]?.reject(new Error('down'))
  await expect(failed).rejects.toThrow('down')
  const next = cache.get('')
  loads[1]?.resolve(3)
  expect(await next).toBe(3)
})

test('answers the callers of a running load after a reset, and does not keep their result', async () => {
  const { cache, loads, changes } = setup()
  const old = cache.refresh('')
  cache.reset()
  const fresh = cache.refresh('')
  loads[1]?.resolve(2)
  loads[0]?.resolve(1)
  expect(await Promise.all([old, fresh])).toEqual([1, 2])
  expect(cache.held).toBe(2)
  expect(changes).toEqual([{ before: undefined, after: 2 }])
})

test('reports the result of each load', async () => {
  const { cache, loads, changes, load } = setup()
  await load(1)
  const error = new Error('down')
  const failed = cache.refresh('')
  loads[1]?.reject(error)
  await failed
  expect(changes).toEqual([
    { before: undefined, after: 1 },
    { before: 1, after: 1, error },
  ])
})

test('runs at most one load however calls, failures and verdicts interleave', async () => {
  const action = fc.constantFrom(
    'get',
    'refresh',
    'resolve',
    'reject',
    'use',
    'use-and-refresh',
    'refresh-first',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
      const { cache, loads, world } = setup()
      let settled = 0
      for (const what of actions) {
        if (what === 'get') cache.get('').catch(() => {})
        else if (what === 'refresh') cache.refresh('').catch(() => {})
        else if (what === 'resolve' || what === 'reject') {
          const load = loads[settled]
          if (load === undefined) continue
          settled += 1
          if (what === 'resolve') load.resolve(settled)
          else load.reject(new Error('down'))
          await new Promise(setImmediate)
        } else world.verdict = what
        expect(loads.length - settled).toBeLessThanOrEqual(1)
      }
    }),
    { numRuns: 300 },
  )
})
