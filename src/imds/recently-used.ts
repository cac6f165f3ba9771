/** Shared objects that are kept while somebody uses them. */
export interface RecentlyUsed {
  /**
   * The most recently used objects, by transport (a dispatcher, or the registry itself for direct connections). They are kept
   * although nobody uses them, for programs that create a provider for each request.
   */
  readonly recent: WeakMap<object, readonly object[]>
}

/** Per transport. */
const MOST_RECENT = 16

/**
 * Returns the object that is shared under `key`, or a new one if nobody uses it any more. Entries whose object was collected are
 * deleted.
 */
export function share<T extends object>(shared: Map<string, WeakRef<T>>, key: string, create: () => T): T {
  const known = shared.get(key)?.deref()
  if (known !== undefined) return known
  for (const [other, ref] of shared) if (ref.deref() === undefined) shared.delete(other)
  const created = create()
  shared.set(key, new WeakRef(created))
  return created
}

/** Keeps `used` until enough other objects were used later. */
export function keep({ recent }: RecentlyUsed, asked: object, used: object): void {
  const others = (recent.get(asked) ?? []).filter((one) => one !== used)
  recent.set(asked, [used, ...others].slice(0, MOST_RECENT))
}

/** Removes `ended` from the registry, because its users have closed it. */
export function forget<T extends object>(
  { recent }: RecentlyUsed,
  asked: object,
  shared: Map<string, WeakRef<T>>,
  ended: T,
): void {
  for (const [key, ref] of shared) if (ref.deref() === ended) shared.delete(key)
  recent.set(
    asked,
    (recent.get(asked) ?? []).filter((one) => one !== ended),
  )
}
