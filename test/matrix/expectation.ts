/**
 * What was seen, in a few words, where it is what is expected.
 *
 * @throws with all that was seen where it is not
 */
export function requireSeen(
  seen: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, unknown>>,
): void {
  const wrong = Object.entries(expected).filter(([what, value]) => seen[what] !== value)
  if (wrong.length === 0) return
  const wanted = JSON.stringify(Object.fromEntries(wrong))
  throw new Error(`expected ${wanted}, saw ${JSON.stringify(seen)}`)
}

/** The one line of JSON that a program printed. */
export function parseSeen(output: string): Record<string, unknown> {
  return JSON.parse(output) as Record<string, unknown>
}
