/** Objects that many share, and that are kept while somebody uses them. */
export interface RecentlyUsed {
  /**
   * The objects used last, by who was asked (a dispatcher, or the registry itself for direct connections): they are kept although
   * nobody uses them, for a program that makes a provider for each request.
   */
  readonly recent: WeakMap<object, readonly object[]>
}

/** Of one who is asked. */
const MOST_RECENT = 16

/** What is `shared` under `key` while somebody uses it; else a new one. Entries that stand for nothing any more are deleted. */
export function share<T extends object>(shared: Map<string, WeakRef<T>>, key: string, create: () => T): T {
  const known = shared.get(key)?.deref()
  if (known !== undefined) return known
  for (const [other, ref] of shared) if (ref.deref() === undefined) shared.delete(other)
  const created = create()
  shared.set(key, new WeakRef(created))
  return created
}

/** Keeps `used` until others were used later. */
export function keep({ recent }: RecentlyUsed, asked: object, used: object): void {
  const others = (recent.get(asked) ?? []).filter((one) => one !== used)
  recent.set(asked, [used, ...others].slice(0, MOST_RECENT))
}

/** Leaves nothing of `ended` in the registry: its users have closed it. */
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
