import { expect, test } from 'vitest'
import { type FactRegistry, instanceFact } from '../../src/imds/instance-facts.js'

test('remembers at most the 64 most recently used answers, whatever the endpoints', async () => {
  const registry: FactRegistry = { facts: new WeakMap() }
  const region = (endpoint: string) => instanceFact(registry, undefined, endpoint, '/region')
  await region('first').get('', () => Promise.resolve('eu-central-1'))
  const second = region('second')
  for (let asked = 0; asked < 500; asked += 1) {
    region(String(asked))
    region('first')
  }
  expect(registry.facts.get(registry)?.size).toBe(64)
  await expect(region('first').get('', () => Promise.reject(new Error('asked')))).resolves.toBe(
    'eu-central-1',
  )
  expect(region('second')).not.toBe(second)
})
