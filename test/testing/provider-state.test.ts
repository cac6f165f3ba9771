import { afterEach, expect, test, vi } from 'vitest'
import { emulateInstance, resetInstanceRole } from '../../src/testing/index.js'
import { shareProviderState } from '../../src/testing/provider-state.js'

afterEach(() => {
  Reflect.deleteProperty(globalThis, Symbol.for('instance-role@3'))
})

function holdSomething() {
  const [source, token] = [{ reset: vi.fn() }, { reset: vi.fn() }]
  shareProviderState().sources.set('a source', new WeakRef(source))
  shareProviderState().tokens.set('a token', new WeakRef(token))
  return { source, token }
}

test('can be reset before any provider was made', () => {
  expect(() => resetInstanceRole()).not.toThrow()
})

test('a reset empties every source and token, and keeps them usable', () => {
  const { source, token } = holdSomething()
  resetInstanceRole()
  expect([source.reset, token.reset].map((reset) => reset.mock.calls.length)).toEqual([1, 1])
  expect([...shareProviderState().sources.values()].map((ref) => ref.deref())).toEqual([source])
})

test('a reset and a new emulated instance forget the facts about the instance', () => {
  const known = new Map([['a fact', {}]])
  const state = shareProviderState()
  for (const forget of [resetInstanceRole, () => void emulateInstance()]) {
    state.facts.set(state, known)
    forget()
    expect(state.facts.get(state)).toBeUndefined()
  }
})

test('the state is shared under a name that all copies know', () => {
  expect(Reflect.get(globalThis, Symbol.for('instance-role@3'))).toBeUndefined()
  const state = shareProviderState()
  expect(Reflect.get(globalThis, Symbol.for('instance-role@3'))).toBe(state)
})

test('the facts about a closed instance are forgotten', async () => {
  const { source } = holdSomething()
  {
    await using instance = emulateInstance()
    expect(instance.credentials).toBeDefined()
  }
  expect(source.reset).toHaveBeenCalledOnce()
})
