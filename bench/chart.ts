import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { OUTAGES } from './simulation/scenarios.js'
import type { Subject } from './simulation/subjects.js'
import type { Minute, Outcome } from './simulation/simulate.js'

const MINUTES_PER_HOUR = 60
const MS_PER_HOUR = 3_600_000

/** The colours of a GitHub page. */
export interface Palette {
  readonly background: string
  readonly text: string
  readonly outage: string
  readonly line: string
  readonly failure: string
  readonly expired: string
}

export const LIGHT: Palette = {
  background: '#ffffff',
  text: '#1f2328',
  outage: '#d8dee4',
  line: '#0969da',
  failure: '#d1242f',
  expired: '#bf8700',
}

export const DARK: Palette = {
  background: '#0d1117',
  text: '#f0f6fc',
  outage: '#30363d',
  line: '#4493f8',
  failure: '#f85149',
  expired: '#e3b341',
}

const WIDTH = 720
const MARGIN = 16
const LEGEND_HEIGHT = 44
const TITLE_HEIGHT = 32
const PANEL_HEIGHT = 130
const FONT = 'font-family="system-ui, sans-serif"'

/** Draws the remaining life of the credentials that callers get over the day with outages, and the calls that fail. */
export function drawDay(days: ReadonlyMap<Subject, Outcome>, palette: Palette): string {
  const panels = [...days].map(([subject, outcome], index) => {
    const y = LEGEND_HEIGHT + index * (TITLE_HEIGHT + PANEL_HEIGHT)
    const title = `<text x="${MARGIN}" y="${y + 24}" font-size="13" font-weight="600">${titleOf(subject, outcome)}</text>`
    return title + placed(panelOf(outcome, palette), y + TITLE_HEIGHT)
  })
  const height = LEGEND_HEIGHT + days.size * (TITLE_HEIGHT + PANEL_HEIGHT) + MARGIN
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ${FONT} fill="${palette.text}" role="img" aria-label="A simulated day with outages of IMDS: which calls fail, and how long the credentials that callers get are valid">
<rect width="100%" height="100%" fill="${palette.background}"/>
${legend(palette)}
${panels.join('\n')}
</svg>
`
}

function legend({ line, outage, failure, expired }: Palette): string {
  const entries = [
    [outage, 'IMDS does not answer'],
    [failure, 'calls fail'],
    [line, 'hours left on the credentials'],
    [expired, 'expired credentials'],
  ] as const
  const offsets = [0, 180, 280, 510]
  return entries
    .map(([colour, text], index) => {
      const x = MARGIN + (offsets[index] ?? 0)
      return `<rect x="${x}" y="14" width="14" height="14" rx="2" fill="${colour}"/><text x="${x + 20}" y="26" font-size="13">${text}</text>`
    })
    .join('')
}

function titleOf({ label }: Subject, { failed, waited, servedExpired }: Outcome): string {
  const facts = [`${failed.toLocaleString('en')} calls fail`, `${waited.toLocaleString('en')} wait`]
  if (servedExpired > 0) facts.push(`${servedExpired.toLocaleString('en')} get expired ones`)
  return `${label.replaceAll('`', '')}: ${facts.join(', ')}`
}

function placed(figure: string, y: number): string {
  return figure.replace('<svg ', `<svg y="${y}" `)
}

function panelOf({ minutes }: Outcome, palette: Palette): string {
  // Its type is the browser's `Document`, whose types this project does not load.
  const document: unknown = Reflect.get(parseHTML('<!doctype html><html></html>'), 'document')
  const points = minutes.map(pointOf)
  const outages = OUTAGES.map(({ fromMs, toMs }) => ({
    from: fromMs / MS_PER_HOUR,
    to: Math.min(24, toMs / MS_PER_HOUR),
  }))
  const figure: unknown = Plot.plot({
    document,
    width: WIDTH,
    height: PANEL_HEIGHT,
    marginLeft: 40,
    marginRight: 28,
    marginBottom: 22,
    marginTop: 6,
    style: { background: palette.background, color: palette.text, fontSize: '12px' },
    x: { label: null, domain: [0, 24], ticks: 12, tickFormat: (hour: number) => `${hour}:00` },
    y: { label: null, domain: [-0.6, 6.2], ticks: [0, 2, 4, 6], tickFormat: (hours: number) => `${hours} h` },
    marks: [
      Plot.rectY(outages, { x1: 'from', x2: 'to', y1: -0.6, y2: 6.2, fill: palette.outage }),
      Plot.ruleX(
        points.filter(({ failed }) => failed > 0),
        { x: 'hour', y1: -0.6, y2: 6.2, stroke: palette.failure, strokeWidth: 0.8 },
      ),
      Plot.ruleY([0], { stroke: palette.text, strokeOpacity: 0.4 }),
      Plot.lineY(points, { x: 'hour', y: 'hoursLeft', stroke: palette.line, strokeWidth: 1.8 }),
      Plot.lineY(points, { x: 'hour', y: 'hoursExpired', stroke: palette.expired, strokeWidth: 3.5 }),
    ],
  })
  return String(figure)
}

interface Point {
  readonly hour: number
  readonly hoursLeft: number
  /** NaN, which is not drawn, while the credentials are valid. */
  readonly hoursExpired: number
  readonly failed: number
}

function pointOf({ remainingMs, failed }: Minute, index: number): Point {
  const hoursLeft = remainingMs === undefined ? NaN : remainingMs / MS_PER_HOUR
  const hoursExpired = hoursLeft <= 0 ? hoursLeft : NaN
  return { hour: index / MINUTES_PER_HOUR, hoursLeft, hoursExpired, failed }
}
