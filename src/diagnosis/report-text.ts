import { linkTo } from '../errors.js'
import type { Finding, Verdict } from './findings.js'
import type { Report, ReportedSetting } from './report.js'
import { wrapCommand, wrapWords } from './wrap.js'

/** Colours text by verdict. Without it, text is plain. */
export type Paint = (verdict: Verdict, text: string) => string

/** How the report is written. */
export interface Layout {
  /** Characters per line; `Infinity` for no wrapping. */
  readonly width: number
  /** Whether every check and every setting is shown. */
  readonly isVerbose: boolean
  readonly paint: Paint
}

const MARKS: Readonly<Record<Verdict, string>> = { ok: '✓', warning: '!', problem: '✗', skipped: '-' }

/** Formats the report for a person. The most important part comes last, where the screen stops. */
export function formatReport(report: Report, layout: Layout): string {
  const { findings, settings = {} } = report
  const { isVerbose } = layout
  const isShown = ({ verdict }: Finding): boolean =>
    verdict === 'warning' || (isVerbose && verdict !== 'problem')
  const shown = findings.filter(isShown).flatMap((finding) => formatFinding(finding, layout))
  const problems = findings.filter(({ verdict }) => verdict === 'problem')
  const end = report.healthy
    ? formatSuccess(findings, layout)
    : problems.flatMap((finding) => formatFinding(finding, layout))
  return [...formatSettings(settings, layout), ...shown, ...end, summarize(findings, isVerbose), ''].join(
    '\n',
  )
}

/** Unless everything is shown, only the settings that somebody has set. */
function formatSettings(settings: NonNullable<Report['settings']>, layout: Layout): string[] {
  const isShown = ({ origin }: ReportedSetting): boolean => layout.isVerbose || origin !== 'default'
  return Object.entries(settings)
    .filter(([, setting]) => isShown(setting))
    .flatMap(([name, { value, origin }]) =>
      wrapWords(`${name}: ${value ?? 'none'} (${origin})`, layout.width, { first: '  ', rest: '    ' }),
    )
}

function formatFinding(finding: Finding, layout: Layout): string[] {
  const { check, verdict, message, code, hint, look, fix } = finding
  const title = `${MARKS[verdict]} ${verdict === 'problem' ? (code ?? check) : check}`
  const link = code === undefined ? undefined : linkTo(code)
  return [
    ...setOff(wrapWords(message, layout.width, { first: `${title}  `, rest: '  ' }), title, verdict, layout),
    ...labelled('hint', hint, wrapWords, layout),
    ...labelled('look', look, wrapCommand, layout),
    ...labelled(isLook(fix) ? 'look' : 'fix', fix, wrapCommand, layout),
    ...labelled('docs', link, wrapWords, layout),
  ]
}

/** Lines are wrapped before they are coloured, because colours have no width. */
function setOff(
  [first = '', ...rest]: readonly string[],
  title: string,
  verdict: Verdict,
  { paint }: Layout,
): string[] {
  return [paint(verdict, title) + first.slice(title.length), ...rest]
}

function labelled(
  label: string,
  text: string | undefined,
  wrap: typeof wrapWords,
  { width }: Layout,
): string[] {
  return text === undefined ? [] : wrap(text, width, { first: `  ${label.padEnd(6)}`, rest: ' '.repeat(8) })
}

/** Whether a command only shows something and fixes nothing. */
function isLook(command = ''): boolean {
  return /^(curl|env|ethtool|ip route get|sudo iptables -t nat -S|top|TOKEN=|aws (ec2 describe|iam get)-)\b/.test(
    command,
  )
}

function formatSuccess(findings: readonly Finding[], layout: Layout): string[] {
  const of = (check: string): Finding | undefined => findings.find((finding) => finding.check === check)
  const name = of('role')?.facts['name']
  const life = of('credentials')
  const role = name === undefined ? 'The instance role' : `The instance role ${name}`
  const message = `${role} can be used.${life?.verdict === 'ok' ? ` ${life.message}` : ''}`
  const lines = wrapWords(message, layout.width, { first: `${MARKS.ok} `, rest: '  ' })
  return setOff(lines, MARKS.ok, 'ok', layout)
}

function summarize(findings: readonly Finding[], isVerbose: boolean): string {
  const count = (verdict: Verdict): number => findings.filter((finding) => finding.verdict === verdict).length
  const warnings = count('warning')
  const counts = [
    `${count('ok')} ok`,
    ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`]),
    ...(count('skipped') === 0 ? [] : [`${count('skipped')} skipped`]),
  ]
  return counts.join(', ') + (isVerbose ? '' : ' (--verbose shows all)')
}
