import type { ErrorNames } from '../errors.js'

export const REGION_PATH = '/latest/meta-data/placement/region'
export const INSTANCE_ID_PATH = '/latest/meta-data/instance-id'

/** What IMDS says at one path about this instance and never changes while a process runs, such as the region. Read once. */
export class InstanceFact {
  #body: string | undefined
  readonly #reads = new Map<string, Promise<string>>()

  /** The body, where it is known. */
  get body(): string | undefined {
    return this.#body
  }

  /**
   * The body: known, or of a read. Those who ask under the same `limits` meanwhile share that read, and how it ends; a read under
   * shorter limits must not fail for those who have longer ones. A failure is not remembered.
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

/** The facts by who was asked (a dispatcher, or the registry itself for direct connections), and by endpoint and path. */
export type InstanceFacts = WeakMap<object, Map<string, InstanceFact>>

/** Forgets all facts when `facts` is replaced; a read under way still answers its callers, but is not kept. */
export interface FactRegistry {
  facts: InstanceFacts
}

/** Of one who is asked; the one used longest ago is forgotten. */
const MOST_FACTS = 64

/** The fact that `dispatcher` gives for `path` of `endpoint`. */
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
  // What is asked for again becomes the last.
  known.delete(key)
  known.set(key, fact)
  for (const oldest of known.keys()) if (known.size > MOST_FACTS) known.delete(oldest)
  return fact
}

/** What is known of this instance already, for the commands in errors. */
export function knownNames(
  registry: FactRegistry,
  dispatcher: object | undefined,
  endpoint: string,
): Pick<ErrorNames, 'region' | 'instanceId'> {
  const facts = registry.facts.get(dispatcher ?? registry)
  const known = (path: string): string | undefined => facts?.get(`${endpoint} ${path}`)?.body?.trim()
  return { region: known(REGION_PATH), instanceId: known(INSTANCE_ID_PATH) }
}
