import type { InstanceRoleConfig, Setting } from '../config/config.js'
import { InstanceRoleError } from '../errors.js'
import { VERSION } from '../runtime/version.js'
import type { Facts } from './facts.js'
import type { Finding } from './findings.js'
import { isHealthy, judge } from './judge.js'

/** What the doctor says, as `doctor --json` prints it and `formatReport` writes it for people; `docs/doctor.md` explains it, `docs/doctor.schema.json` checks it. */
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
