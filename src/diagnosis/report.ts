import type { InstanceRoleConfig, Setting } from '../config/config.js'
import { InstanceRoleError } from '../errors.js'
import { VERSION } from '../runtime/version.js'
import type { Facts } from './facts.js'
import type { Finding } from './findings.js'
import { isHealthy, judge } from './judge.js'

/**
 * The report of the doctor. `doctor --json` prints it, `formatReport` formats it for people, `docs/doctor.md` explains it, and
 * `docs/doctor.schema.json` checks it.
 */
export interface Report {
  /** It changes if a member changes its meaning or is removed. It does not change for new members. */
  readonly schemaVersion: 1
  /** Version of this package. */
  readonly version: string
  readonly healthy: boolean
  /** Absent if they are malformed. */
  readonly settings?: Readonly<Record<string, ReportedSetting>>
  readonly findings: readonly Finding[]
}

export interface ReportedSetting {
  readonly value: string | number | boolean | null
  /** The origin of the value, in words. */
  readonly origin: string
}

export function createReport(facts: Facts): Report {
  const findings = judge(facts)
  const settings =
    facts.settings instanceof InstanceRoleError ? {} : { settings: reportSettings(facts.settings) }
  return { schemaVersion: 1, version: VERSION, healthy: isHealthy(findings), ...settings, findings }
}

/** The options, and what `AWS_EC2_METADATA_DISABLED` says, by their public names. Durations are milliseconds. */
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
