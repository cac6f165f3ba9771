import { expect, test } from 'vitest'
import { SharedObjects } from '../../src/imds/shared-objects.js'
import { collectGarbage } from '../leaks/collect-garbage.js'

const KEPT = 16

function setup() {
  const shared = new SharedObjects<{ readonly key: string }>()
  const get = (key: string, transport?: object) => shared.get(transport, key, () => ({ key }))
  const kept = () => [...shared.refs.values()].flatMap((ref) => ref.deref()?.key ?? [])
  return { shared, get, kept }
}

test('gives everybody the same object for the same key and transport', () => {
  const { get } = setup()
  const dispatcher = {}
  expect(get('a')).toBe(get('a'))
  expect(get('a', dispatcher)).toBe(get('a', dispatcher))
  expect(new Set([get('a'), get('b'), get('a', dispatcher), get('a', {})]).size).toBe(4)
})

test('finds an object without creating one', () => {
  const { shared, get } = setup()
  expect(shared.find(undefined, 'a')).toBeUndefined()
  const created = get('a')
  expect(shared.find(undefined, 'a')).toBe(created)
})

test('keeps the most recently used objects that nobody else holds, and drops the others', async () => {
  const { get, kept } = setup()
  for (let made = 0; made < 500; made += 1) {
    get(String(made))
    get('often')
  }
  await collectGarbage(() => kept().length <= KEPT)
  const latest = Array.from({ length: KEPT - 1 }, (_, at) => String(500 - (KEPT - 1) + at))
  expect(new Set(kept())).toEqual(new Set([...latest, 'often']))
})

test('keeps what somebody holds, however many others are used', async () => {
  const { get } = setup()
  const held = get('held')
  for (let made = 0; made < 2 * KEPT; made += 1) get(String(made))
  await collectGarbage()
  expect(get('held')).toBe(held)
})

test('forgets the keys of collected objects', async () => {
  const { shared, get, kept } = setup()
  for (let made = 0; made < 100; made += 1) get('a', {})
  await collectGarbage(() => kept().length === 0)
  get('b')
  expect(shared.refs.size).toBe(1)
})

test('keeps nothing that was deleted', async () => {
  const { shared, get } = setup()
  const deleted = new WeakRef(get('deleted'))
  get('kept')
  shared.delete(undefined, get('deleted'))
  expect([...shared.refs.values()].map((ref) => ref.deref()?.key)).toEqual(['kept'])
  await collectGarbage(() => deleted.deref() === undefined)
  expect(deleted.deref()).toBeUndefined()
})

test('keeps nothing after it was cleared', async () => {
  const { shared, get } = setup()
  const cleared = new WeakRef(get('a'))
  shared.clear()
  await collectGarbage(() => cleared.deref() === undefined)
  expect([shared.refs.size, cleared.deref()]).toEqual([0, undefined])
})
