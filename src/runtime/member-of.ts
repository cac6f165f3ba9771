/**
 * Returns a member of an object of which nothing is known, or `undefined` for any other value. Reads it without asking whether it is
 * there: a mock can be a proxy that only answers reads.
 */
export function memberOf(value: unknown, name: string): unknown {
  const member: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  return member
}

/** Compare by shape: an error from another realm (Jest) fails `instanceof Error`. */
export function isError(value: unknown): value is Error {
  return typeof memberOf(value, 'message') === 'string' && memberOf(value, 'name') !== undefined
}

/** Returns the `code` of an error from Node or undici. */
export function codeOf(error: unknown): string | undefined {
  const code = memberOf(error, 'code')
  return typeof code === 'string' && isError(error) ? code : undefined
}
