/**
 * The property of `globalThis` through which all copies of this package in a process share their state, ESM and CJS alike, and
 * through which `instance-role/testing` passes them a clock. The number is the version of that contract: it goes up when the shape
 * of the shared state changes.
 */
export const PROCESS_WIDE: unique symbol = Symbol.for('instance-role@4')

/** Returns the registry that all copies of this package share, and creates it if there is none yet. */
export function processWide<Registry extends object>(create: () => Registry): () => Registry {
  const shared: typeof globalThis & { [PROCESS_WIDE]?: { registry?: Registry } | undefined } = globalThis
  let own: Registry | undefined
  return () => {
    try {
      const state = (shared[PROCESS_WIDE] ??= {})
      return (state.registry ??= create())
    } catch {
      // `globalThis` is frozen: this copy shares its registry with no other copy.
      return (own ??= create())
    }
  }
}
