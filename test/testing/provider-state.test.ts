import { afterEach, expect, test, vi } from 'vitest'
import { SharedObjects } from '../../src/imds/shared-objects.js'
import { emulateInstance, resetInstanceRole } from '../../src/testing/index.js'
import { type ProviderState, shareProviderState } from '../../src/testing/provider-state.js'

afterEach(() => {
  Reflect.deleteProperty(globalThis, Symbol.for('instance-role@4'))
})

/** The state after a provider and a `MetadataClient` were called. */
function holdSomething() {
  const [source, token] = [{ reset: vi.fn() }, { reset: vi.fn() }]
  const [sources, tokens] = [new SharedObjects<typeof source>(), new SharedObjects<typeof token>()]
  sources.get(undefined, 'a source', () => source)
  tokens.get(undefined, 'a token', () => token)
  const facts = new SharedObjects()
  const learn = () => facts.get(undefined, 'a fact', () => ({}))
  learn()
  const state: ProviderState = { registry: { sources, tokens, facts } }
  Reflect.set(globalThis, Symbol.for('instance-role@4'), state)
  return { source, token, sources, facts, learn }
}

test('can be reset before any provider was made', () => {
  expect(() => resetInstanceRole()).not.toThrow()
})

test('a reset empties every source and token, and keeps them usable', () => {
  const { source, token, sources } = holdSomething()
  resetInstanceRole()
  expect([source.reset, token.reset].map((reset) => reset.mock.calls.length)).toEqual([1, 1])
  expect(sources.find(undefined, 'a source')).toBe(source)
})

test('a reset and a new emulated instance forget the facts about the instance', () => {
  const { facts, learn } = holdSomething()
  for (const forget of [resetInstanceRole, () => void emulateInstance()]) {
    learn()
    forget()
    expect(facts.find(undefined, 'a fact')).toBeUndefined()
  }
})

test('the state is shared under a name that all copies know', () => {
  expect(Reflect.get(globalThis, Symbol.for('instance-role@4'))).toBeUndefined()
  const state = shareProviderState()
  expect(Reflect.get(globalThis, Symbol.for('instance-role@4'))).toBe(state)
})

test('the facts about a closed instance are forgotten', async () => {
  const { source } = holdSomething()
  {
    await using instance = emulateInstance()
    expect(instance.credentials).toBeDefined()
  }
  expect(source.reset).toHaveBeenCalledOnce()
})
