import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { OUTAGES } from './simulation/scenarios.js'
import type { Subject } from './simulation/subjects.js'
import type { Minute, Outcome } from './simulation/simulate.js'

const MINUTES_PER_HOUR = 60
const MS_PER_HOUR = 3_600_000

/** The time that is left on the credentials that callers get, over the day with outages, and the calls that fail. */
export function drawDay(days: ReadonlyMap<Subject, Outcome>): string {
  // Typed as a browser's, which this is not compiled for.
  const document: unknown = Reflect.get(parseHTML('<!doctype html><html></html>'), 'document')
  const minutes = [...days].flatMap(([{ label }, { minutes }]) =>
    minutes.map((minute, index) => pointOf(label.replaceAll('`', ''), minute, index)),
  )
  const labels = [...days.keys()].map(({ label }) => label.replaceAll('`', ''))
  const outages = labels.flatMap((subject) =>
    OUTAGES.map(({ fromMs, toMs }) => ({
      subject,
      from: fromMs / MS_PER_HOUR,
      to: Math.min(24, toMs / MS_PER_HOUR),
    })),
  )
  const figure: unknown = Plot.plot({
    document,
    width: 900,
    height: 640,
    marginLeft: 60,
    marginRight: 20,
    style: { background: 'white', fontSize: '12px' },
    x: { label: 'hours', domain: [0, 24], ticks: 12 },
    y: { label: 'hours left on the credentials handed out', domain: [-0.5, 6.5], grid: true, ticks: 4 },
    fy: { label: null, axis: null, domain: labels },
    marks: [
      Plot.rectY(outages, { fy: 'subject', x1: 'from', x2: 'to', y1: -0.5, y2: 6.5, fill: '#e8e8e8' }),
      Plot.ruleY([0], { stroke: '#888' }),
      Plot.lineY(minutes, { fy: 'subject', x: 'hour', y: 'hoursLeft', stroke: '#1f6feb', strokeWidth: 1.5 }),
      Plot.ruleX(
        minutes.filter(({ failed }) => failed > 0),
        { fy: 'subject', x: 'hour', y1: -0.5, y2: 6.5, stroke: '#d1242f', strokeWidth: 0.7 },
      ),
      Plot.text([...days].map(captionOf), {
        fy: 'subject',
        text: 'caption',
        frameAnchor: 'top-left',
        dx: 6,
        dy: 4,
        fontWeight: 'bold',
        stroke: 'white',
        fill: 'black',
      }),
    ],
  })
  return `${String(figure).replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')}\n`
}

interface Point {
  readonly subject: string
  readonly hour: number
  readonly hoursLeft: number
  readonly failed: number
}

function pointOf(subject: string, { remainingMs, failed }: Minute, index: number): Point {
  return {
    subject,
    hour: index / MINUTES_PER_HOUR,
    hoursLeft: remainingMs === undefined ? NaN : remainingMs / MS_PER_HOUR,
    failed,
  }
}

function captionOf([{ label }, { failed, waited, servedExpired }]: [Subject, Outcome]): {
  subject: string
  caption: string
} {
  const subject = label.replaceAll('`', '')
  const told = [`${failed.toLocaleString('en')} calls fail`, `${waited.toLocaleString('en')} wait`]
  if (servedExpired > 0) told.push(`${servedExpired.toLocaleString('en')} get an expired set`)
  return { subject, caption: `${subject}: ${told.join(', ')}` }
}
