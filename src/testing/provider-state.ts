/** What the providers of this process share, as `instance-role` keeps it on `globalThis`. */
export interface ProviderState {
  readonly sources: Map<string, WeakRef<Resettable>>
  readonly tokens: Map<string, WeakRef<Resettable>>
  /** What is kept for those who ask again although nobody uses it. */
  readonly recent: WeakMap<object, readonly object[]>
  /** What is known of the instance; replaced, it is forgotten. */
  facts: WeakMap<object, Map<string, object>>
  clock?: ProviderClock
}

interface Resettable {
  reset(): void
}

/** The time that the providers of this process go by while a test clock is installed. */
export interface ProviderClock {
  /** Epoch milliseconds. */
  now(): number
  /** Milliseconds since the clock was made; steps of the wall clock do not show. */
  elapsed(): number
  sleep(delayMs: number): Promise<void>
  /** Calls back once, `delayMs` from now, unless cancelled by what it returns. */
  after(delayMs: number, callback: (lateMs: number) => void): () => void
}

type GlobalWithState = typeof globalThis & { [key: symbol]: ProviderState | undefined }

const STATE_KEY = Symbol.for('instance-role@3')

/** The shared state, or `undefined` while nothing has made it. */
export function findProviderState(): ProviderState | undefined {
  const world: GlobalWithState = globalThis
  return world[STATE_KEY]
}

/** The shared state, made when it is not there yet. */
export function shareProviderState(): ProviderState {
  const world: GlobalWithState = globalThis
  return (world[STATE_KEY] ??= {
    ...{ sources: new Map(), tokens: new Map() },
    ...{ recent: new WeakMap(), facts: new WeakMap() },
  })
}

/**
 * Makes every provider and `MetadataClient` of this process that is not `isolated` forget its credentials, role name, metadata tokens,
 * region and what else it knows of the instance, as if none had been called.
 *
 * Those that were made at module scope forget, too, and stay usable. Call it between tests.
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

/** Forgets region, availability zone, instance ID and identity document: there is another instance. */
export function forgetInstance(): void {
  const state = findProviderState()
  if (state !== undefined) state.facts = new WeakMap()
}
