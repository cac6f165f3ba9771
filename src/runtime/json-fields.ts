/** The members of a JSON object. */
export interface Fields {
  /** The member of that name; without one, a member of that name in another case, as emulators write them. */
  get(name: string): unknown
}

/** Parse `body`; `undefined` where it is no JSON object. Maps, because a member can have any name. */
export function parseFields(body: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
    const members = Object.entries(parsed)
    const exact = new Map<string, unknown>(members)
    const inAnyCase = new Map<string, unknown>(members.map(([name, value]) => [name.toLowerCase(), value]))
    return { get: (name) => (exact.has(name) ? exact.get(name) : inAnyCase.get(name.toLowerCase())) }
  } catch {
    // No binding: the SyntaxError quotes the body.
    return undefined
  }
}
