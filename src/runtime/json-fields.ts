/** The members of a JSON object. */
export interface Fields {
  /** Returns the member of that name, or one that differs in case only, as some emulators write them. */
  get(name: string): unknown
  /** Returns the member if it is text, otherwise `''`. */
  text(name: string): string
}

/** Parse `body`. Returns `undefined` if it is not a JSON object. The fields are in a map, because a member can have any name. */
export function parseFields(body: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
    const members = Object.entries(parsed)
    const exact = new Map<string, unknown>(members)
    const inAnyCase = new Map<string, unknown>(members.map(([name, value]) => [name.toLowerCase(), value]))
    const get = (name: string): unknown =>
      exact.has(name) ? exact.get(name) : inAnyCase.get(name.toLowerCase())
    const text = (value: unknown): string => (typeof value === 'string' ? value : '')
    return { get, text: (name) => text(get(name)) }
  } catch {
    // No binding: the SyntaxError quotes the body.
    return undefined
  }
}
