/** How many objects of one transport are kept although nobody uses them. */
const MOST_RECENT = 16

/**
 * Objects that are shared by all who give the same key and the same transport: a dispatcher, or none for direct connections. An
 * object is kept while somebody uses it, and while it is one of the most recently used: a program may create a provider for each
 * request.
 */
export class SharedObjects<T extends object> {
  readonly refs: Map<string, WeakRef<T>> = new Map()
  #recent = new WeakMap<object, readonly T[]>()
  readonly #transportIds = new WeakMap<object, number>()
  #lastTransportId = 0

  /** Returns the object under `key`, or a new one if it is not kept. */
  get(transport: object = this, key: string, create: () => T): T {
    const used = this.find(transport, key) ?? this.#add(this.#place(transport, key), create())
    this.#recent.set(transport, [used, ...this.#others(transport, used)].slice(0, MOST_RECENT))
    return used
  }

  /** Returns the object under `key`, if it is kept. */
  find(transport: object = this, key: string): T | undefined {
    return this.refs.get(this.#place(transport, key))?.deref()
  }

  /** Removes `ended`, because its users have closed it. */
  delete(transport: object = this, ended: T): void {
    for (const [place, ref] of this.refs) if (ref.deref() === ended) this.refs.delete(place)
    this.#recent.set(transport, this.#others(transport, ended))
  }

  /** Removes all objects. Their users keep them. */
  clear(): void {
    this.refs.clear()
    this.#recent = new WeakMap()
  }

  #add(place: string, created: T): T {
    for (const [other, ref] of this.refs) if (ref.deref() === undefined) this.refs.delete(other)
    this.refs.set(place, new WeakRef(created))
    return created
  }

  #others(transport: object, used: T): readonly T[] {
    return (this.#recent.get(transport) ?? []).filter((one) => one !== used)
  }

  #place(transport: object, key: string): string {
    const id = this.#transportIds.get(transport) ?? (this.#lastTransportId += 1)
    this.#transportIds.set(transport, id)
    return `${id} ${key}`
  }
}
