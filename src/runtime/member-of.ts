/** Returns a member of an object of which nothing is known, or `undefined` for any other value. */
export function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !(name in value)) return undefined
  const member: unknown = Reflect.get(value, name)
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
