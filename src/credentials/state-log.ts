import type { InstanceRoleError } from '../errors.js'
import type { V1UsedEvent } from '../events/events.js'
import type { StateEvents } from './state-events.js'

/** A trouble that lasts is told again after this long. */
const REMINDER_MS = 600_000

interface Line {
  /** Lines of one topic tell states that follow each other. */
  readonly topic: 'credentials' | 'protocol'
  /** Lines with the same state tell the same. */
  readonly state: string
  readonly level: 'info' | 'warn' | 'error'
  readonly text: string
}

/** The part of the SDK's `Logger` in use here; a logger can well write later than it is told. */
export type LineLogger = Readonly<Record<Line['level'], (text: string) => unknown>>

/** Writes one line for each change of state, and a reminder of a trouble that lasts. */
export class StateLog {
  readonly #told = new Map<string, { state: string; at: number }>()

  /** Tells what a load did, by its events and, where it failed, its error. */
  write(events: StateEvents, error: InstanceRoleError | undefined, now: number, logger: LineLogger): void {
    const line = lineOf(events, error)
    if (line === undefined || !this.#isNews(line, now)) return
    this.#told.set(line.topic, { state: line.state, at: now })
    try {
      Promise.resolve(logger[line.level](`instance-role: ${line.text}`)).catch(() => {})
    } catch {
      // A logger that fails, at once or later, must not cost anybody the credentials.
    }
  }

  #isNews({ topic, state, level }: Line, now: number): boolean {
    const told = this.#told.get(topic)
    if (told?.state !== state) return true
    return level !== 'info' && Math.abs(now - told.at) >= REMINDER_MS
  }
}

function lineOf(events: StateEvents, error: InstanceRoleError | undefined): Line | undefined {
  const v1 = events['instance-role:v1-used']
  if (v1 !== undefined) return v1Line(v1)
  return error === undefined ? successLine(events) : failureLine(events, error)
}

function v1Line({ endpoint }: V1UsedEvent): Line {
  const text = `IMDSv1 is used, as \`imdsV1Fallback\` allows: ${endpoint} gives no metadata token.`
  return { topic: 'protocol', state: 'v1', level: 'warn', text }
}

function successLine(events: StateEvents): Line | undefined {
  const refreshed = events['instance-role:refreshed']
  if (refreshed === undefined) return undefined
  const { roleName, expiration } = refreshed
  const line = { topic: 'credentials', state: `${roleName} ${expiration}` } as const
  if (events['instance-role:extended'] !== undefined) {
    const text = `IMDS gave credentials of role ${roleName} that expired at ${expiration}; they are used until it gives others.`
    return { ...line, level: 'warn', text }
  }
  const changed = events['instance-role:role-changed']
  const was = changed === undefined ? '' : `, which replaces ${changed.from},`
  const text = `credentials of role ${roleName}${was} are loaded; they expire at ${expiration}.`
  return { ...line, level: changed === undefined ? 'info' : 'warn', text }
}

function failureLine(events: StateEvents, { code, message }: InstanceRoleError): Line {
  const why = `${code}: ${message}`
  const failed = events['instance-role:refresh-failed']
  if (failed === undefined) {
    return { topic: 'credentials', state: `none ${code}`, level: 'error', text: `no credentials. ${why}` }
  }
  const { roleName, expiration } = failed
  if (events['instance-role:extended'] === undefined) {
    const text = `a refresh failed; the credentials of role ${roleName}, which expire at ${expiration}, are kept. ${why}`
    return { topic: 'credentials', state: `failed ${code}`, level: 'warn', text }
  }
  const text = `the credentials of role ${roleName} expired at ${expiration} and are used until IMDS gives others. ${why}`
  return { topic: 'credentials', state: `extended ${code}`, level: 'warn', text }
}
