import type { InstanceRoleConfig, Setting } from '../config/config.js'
import { InstanceRoleError } from '../errors.js'
import { VERSION } from '../runtime/version.js'
import type { Facts } from './facts.js'
import type { Finding, Verdict } from './findings.js'
import { isHealthy, judge } from './judge.js'

/** What the doctor says, as `doctor --json` prints it; `docs/doctor.md` explains it, `docs/doctor.schema.json` checks it. */
export interface Report {
  /** Changes when a member changes its meaning or goes; new members may come without. */
  readonly schemaVersion: 1
  /** Of this package. */
  readonly version: string
  readonly healthy: boolean
  /** Absent where they are malformed. */
  readonly settings?: Readonly<Record<string, ReportedSetting>>
  readonly findings: readonly Finding[]
}

export interface ReportedSetting {
  readonly value: string | number | boolean | null
  /** Where it comes from, in words. */
  readonly origin: string
}

/** How words are set off, by verdict; plain without. */
export type Paint = (verdict: Verdict, text: string) => string

export function createReport(facts: Facts): Report {
  const findings = judge(facts)
  const settings =
    facts.settings instanceof InstanceRoleError ? {} : { settings: reportSettings(facts.settings) }
  return { schemaVersion: 1, version: VERSION, healthy: isHealthy(findings), ...settings, findings }
}

/** As users know them: the options, and what `AWS_EC2_METADATA_DISABLED` says. Durations are milliseconds. */
function reportSettings(config: InstanceRoleConfig): Readonly<Record<string, ReportedSetting>> {
  const { timeoutMs, deadlineMs, endpoint, alternativeEndpoint, ...others } = config
  const isAuto = alternativeEndpoint.value !== undefined
  const named = {
    endpoint,
    ...(isAuto && { alternativeEndpoint }),
    timeout: timeoutMs,
    deadline: deadlineMs,
    ...others,
  }
  return Object.fromEntries(Object.entries(named).map(([name, setting]) => [name, reported(setting)]))
}

function reported({ value, origin }: Setting<ReportedSetting['value'] | undefined>): ReportedSetting {
  return { value: value ?? null, origin }
}

/** The report as a person reads it, from top to bottom. */
export function formatReport({ settings = {}, findings }: Report, paint: Paint): string {
  const width = Math.max(...findings.map(({ verdict }) => verdict.length))
  const sections = findings.map((finding) => formatFinding(finding, width, paint))
  const lines = Object.entries(settings).map(
    ([name, { value, origin }]) => `${' '.repeat(width)}  ${name}: ${value ?? 'none'} (${origin})`,
  )
  const [first = [], ...rest] = sections
  return [...first, ...lines, ...rest.flat(), '', summarize(findings, paint), ''].join('\n')
}

function formatFinding(finding: Finding, width: number, paint: Paint): string[] {
  const { check, verdict, message, code, hint, fix } = finding
  const indent = ' '.repeat(width)
  return [
    `${paint(verdict, verdict.padEnd(width))}  ${check}: ${message}`,
    ...(hint === undefined ? [] : [`${indent}  hint: ${withoutCommand(hint, fix)}`]),
    ...(fix === undefined ? [] : [`${indent}  run:  ${fix}`]),
    ...(code === undefined ? [] : [`${indent}  see:  ${new InstanceRoleError(code, message).link}`]),
  ]
}

/** The command has a line of its own. */
function withoutCommand(hint: string, fix: string | undefined): string {
  return (fix === undefined ? hint : hint.replace(`: ${fix}`, '')).replace(/\.$/, '') + '.'
}

function summarize(findings: readonly Finding[], paint: Paint): string {
  const counted = (verdict: Verdict): number =>
    findings.filter((finding) => finding.verdict === verdict).length
  const problems = counted('problem')
  const warnings = counted('warning')
  const also = warnings === 0 ? '' : `, with ${plural(warnings, 'warning')}`
  if (problems > 0) return paint('problem', `${plural(problems, 'problem')}${also}.`)
  return paint(warnings > 0 ? 'warning' : 'ok', `The instance role can be used${also}.`)
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
