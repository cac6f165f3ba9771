/** The members of a JSON object. */
export type Fields = ReadonlyMap<string, unknown>

/** Parse `body`; `undefined` where it is no JSON object. A map, because a member can have any name. */
export function parseFields(body: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
    return new Map(Object.entries(parsed))
  } catch {
    // No binding: the SyntaxError quotes the body.
    return undefined
  }
}
