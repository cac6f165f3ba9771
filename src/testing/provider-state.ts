/** The state that the providers of this process share on `globalThis`. */
export interface ProviderState {
  clock?: ProviderClock
  /** Absent until a provider was called. */
  readonly registry?: {
    readonly sources: Shared
    readonly tokens: Shared
    /** The known facts about the instance. */
    readonly facts: { clear(): void }
  }
}

interface Shared {
  readonly refs: ReadonlyMap<string, WeakRef<Resettable>>
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

const STATE_KEY = Symbol.for('instance-role@4')

/** Returns the shared state, or `undefined` if it does not exist yet. */
export function findProviderState(): ProviderState | undefined {
  const world: GlobalWithState = globalThis
  return world[STATE_KEY]
}

/** Returns the shared state, and creates it if it does not exist yet. */
export function shareProviderState(): ProviderState {
  const world: GlobalWithState = globalThis
  return (world[STATE_KEY] ??= {})
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
  const { sources, tokens } = findProviderState()?.registry ?? {}
  for (const shared of [sources, tokens]) shared?.refs.forEach((ref) => ref.deref()?.reset())
  forgetInstance()
}

/** Forgets region, availability zone, instance ID and identity document, because another instance replaces this one. */
export function forgetInstance(): void {
  findProviderState()?.registry?.facts.clear()
}
