const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 }

/** Parse a duration into whole seconds: `900`, `900s`, `15m`, `6h`. Anything else is `undefined`. */
export function parseDurationSeconds(text: string): number | undefined {
  const [, digits, unit = 's'] = /^(\d{1,9})([smh])?$/.exec(text) ?? []
  const unitSeconds = UNIT_SECONDS[unit]
  return digits === undefined || unitSeconds === undefined ? undefined : Number(digits) * unitSeconds
}
