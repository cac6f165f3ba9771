/** An instant as people and machines read it: ISO 8601, in UTC. */
export function toIso(instant: number): string {
  return new Date(instant).toISOString()
}
