/**
 * The property of `globalThis` through which all copies of this package in a process share their state, ESM and CJS alike, and
 * through which `instance-role/testing` passes them a clock. The number is the version of that contract: it goes up when the shape
 * of the shared state changes.
 */
export const PROCESS_WIDE: unique symbol = Symbol.for('instance-role@3')

/** Returns the object that all copies of this package share, and creates it if there is none yet. */
export function processWide<T extends object>(create: () => T): () => T {
  const shared: typeof globalThis & { [PROCESS_WIDE]?: T } = globalThis
  /** Used if `globalThis` is frozen: this copy then shares its state with no other copy. */
  let own: T | undefined
  return () => {
    const found = shared[PROCESS_WIDE] ?? own ?? create()
    try {
      shared[PROCESS_WIDE] = found
    } catch {
      own = found
    }
    return found
  }
}
