import { afterEach, expect, test, vi } from 'vitest'
import { emulateInstance, resetInstanceRole } from '../../src/testing/index.js'
import { type ProviderState, shareProviderState } from '../../src/testing/provider-state.js'

afterEach(() => {
  Reflect.deleteProperty(globalThis, Symbol.for('instance-role@4'))
})

/** The state after a provider was called. */
function holdSomething() {
  const [source, token] = [{ reset: vi.fn() }, { reset: vi.fn() }]
  const clear = vi.fn()
  const state: ProviderState = {
    registry: {
      sources: { refs: new Map([['a source', new WeakRef(source)]]) },
      tokens: { refs: new Map([['a token', new WeakRef(token)]]) },
      facts: { clear },
    },
  }
  Reflect.set(globalThis, Symbol.for('instance-role@4'), state)
  return { source, token, clear }
}

test('can be reset before any provider was made', () => {
  expect(() => resetInstanceRole()).not.toThrow()
})

test('a reset empties every source and token', () => {
  const { source, token } = holdSomething()
  resetInstanceRole()
  expect([source.reset, token.reset].map((reset) => reset.mock.calls.length)).toEqual([1, 1])
})

test('a reset and a new emulated instance forget the facts about the instance', () => {
  const { clear } = holdSomething()
  resetInstanceRole()
  expect(clear).toHaveBeenCalledTimes(1)
  void emulateInstance()
  expect(clear).toHaveBeenCalledTimes(2)
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
