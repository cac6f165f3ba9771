import type { ErrorNames } from '../errors.js'

export const REGION_PATH = '/latest/meta-data/placement/region'
export const INSTANCE_ID_PATH = '/latest/meta-data/instance-id'

/** The body of a path whose content never changes while a process runs, such as the region. It is read once. */
export class InstanceFact {
  #body: string | undefined
  readonly #reads = new Map<string, Promise<string>>()

  /** The body, if it was read already. */
  get body(): string | undefined {
    return this.#body
  }

  /**
   * Returns the body. Concurrent callers with the same `limits` share one read and its result. Callers with longer limits do not
   * share a read that has shorter ones. A failure is not cached.
   */
  get(limits: string, read: () => Promise<string>): Promise<string> {
    if (this.#body !== undefined) return Promise.resolve(this.#body)
    const underWay = this.#reads.get(limits)
    if (underWay !== undefined) return underWay
    const started = read()
      .then((body) => (this.#body = body))
      .finally(() => this.#reads.delete(limits))
    this.#reads.set(limits, started)
    return started
  }
}

/** Facts by transport (a dispatcher, or the registry itself for direct connections), endpoint and path. */
export type InstanceFacts = WeakMap<object, Map<string, InstanceFact>>

/** Replacing `facts` forgets all of them. A running read still answers its callers, but its result is not cached. */
export interface FactRegistry {
  facts: InstanceFacts
}

/** Per transport. The least recently used fact is dropped. */
const MOST_FACTS = 64

/** Returns the fact at `path` of `endpoint`, as read through `dispatcher`. */
export function instanceFact(
  registry: FactRegistry,
  dispatcher: object | undefined,
  endpoint: string,
  path: string,
): InstanceFact {
  const asked = dispatcher ?? registry
  const known = registry.facts.get(asked) ?? new Map<string, InstanceFact>()
  registry.facts.set(asked, known)
  const key = `${endpoint} ${path}`
  const fact = known.get(key) ?? new InstanceFact()
  // Move it to the end of the map: it is now the most recently used.
  known.delete(key)
  known.set(key, fact)
  for (const oldest of known.keys()) if (known.size > MOST_FACTS) known.delete(oldest)
  return fact
}

/** Returns what is already known about this instance, for the commands in errors. */
export function knownNames(
  registry: FactRegistry,
  dispatcher: object | undefined,
  endpoint: string,
): Pick<ErrorNames, 'region' | 'instanceId'> {
  const facts = registry.facts.get(dispatcher ?? registry)
  const known = (path: string): string | undefined => facts?.get(`${endpoint} ${path}`)?.body?.trim()
  return { region: known(REGION_PATH), instanceId: known(INSTANCE_ID_PATH) }
}
