/** The state that the providers of this process share on `globalThis`. */
export interface ProviderState {
  readonly sources: Map<string, WeakRef<Resettable>>
  readonly tokens: Map<string, WeakRef<Resettable>>
  /** Objects that are kept although nobody uses them. */
  readonly recent: WeakMap<object, readonly object[]>
  /** The known facts about the instance. Replacing the map forgets them. */
  facts: WeakMap<object, Map<string, object>>
  clock?: ProviderClock
}

interface Resettable {
  reset(): void
}

/** The clock of the providers of this process while a test clock is installed. */
export interface ProviderClock {
  /** Epoch milliseconds. */
  now(): number
  /** Milliseconds since the clock was created. Steps of the wall clock do not change it. */
  elapsed(): number
  sleep(delayMs: number): Promise<void>
  /** Calls back once after `delayMs`. The returned function cancels the call. */
  after(delayMs: number, callback: (lateMs: number) => void): () => void
}

type GlobalWithState = typeof globalThis & { [key: symbol]: ProviderState | undefined }

const STATE_KEY = Symbol.for('instance-role@3')

/** Returns the shared state, or `undefined` if it does not exist yet. */
export function findProviderState(): ProviderState | undefined {
  const world: GlobalWithState = globalThis
  return world[STATE_KEY]
}

/** Returns the shared state, and creates it if it does not exist yet. */
export function shareProviderState(): ProviderState {
  const world: GlobalWithState = globalThis
  return (world[STATE_KEY] ??= {
    ...{ sources: new Map(), tokens: new Map() },
    ...{ recent: new WeakMap(), facts: new WeakMap() },
  })
}

/**
 * Makes every provider and `MetadataClient` of this process that is not `isolated` forget its credentials, role name, metadata
 * tokens, region and everything else it knows about the instance, as if it had never been called.
 *
 * Providers created at module scope stay usable. Call it between tests.
 *
 * @example
 * afterEach(() => resetInstanceRole())
 */
export function resetInstanceRole(): void {
  const state = findProviderState()
  if (state === undefined) return
  for (const used of [...state.sources.values(), ...state.tokens.values()]) used.deref()?.reset()
  forgetInstance()
}

/** Forgets region, availability zone, instance ID and identity document, because another instance replaces this one. */
export function forgetInstance(): void {
  const state = findProviderState()
  if (state !== undefined) state.facts = new WeakMap()
}
