export const REGION_PATH = '/latest/meta-data/placement/region'
export const INSTANCE_ID_PATH = '/latest/meta-data/instance-id'

/** The body of a path whose content never changes while a process runs, such as the region. It is read once. */
export class InstanceFact {
  /** The body, if it was read already. */
  body: string | undefined
  readonly #reads = new Map<string, Promise<string>>()

  /**
   * Returns the body. Concurrent callers with the same `limits` share one read and its result. Callers with longer limits do not
   * share a read that has shorter ones. A failure is not cached.
   */
  get(limits: string, read: () => Promise<string>): Promise<string> {
    if (this.body !== undefined) return Promise.resolve(this.body)
    const underWay = this.#reads.get(limits)
    if (underWay !== undefined) return underWay
    const started = read()
      .then((body) => (this.body = body))
      .finally(() => this.#reads.delete(limits))
    this.#reads.set(limits, started)
    return started
  }
}
