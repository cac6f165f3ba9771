/**
 * The one property of `globalThis` through which all copies of this package in a process share what they hold, ESM and CJS
 * alike, and through which `instance-role/testing` hands them a clock. The number is that of the contract between
 * copies: it goes up when the shape of what is shared changes.
 */
export const PROCESS_WIDE: unique symbol = Symbol.for('instance-role@3')

/** Gives the one object that all copies of this package share under that property, made by `create` where there is none yet. */
export function processWide<T extends object>(create: () => T): () => T {
  const shared: typeof globalThis & { [PROCESS_WIDE]?: T } = globalThis
  /** Of a process whose `globalThis` is frozen: this copy of the package shares it with no other. */
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
