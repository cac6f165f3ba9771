// The event and the log line of each transition.
import type { InstanceRoleError } from '../errors.js'
import { type CredentialsEvent, failureEvent, type InstanceRoleEvents } from '../events/events.js'
import type { Line } from './log-without-repeats.js'
import type { SetFacts, Transition } from './transitions.js'

type Of<Kind extends Transition['kind']> = Extract<Transition, { readonly kind: Kind }>

/** Returns at most one event. Only the first of several failed calls has one, and a failed load has `instance-role:load:error`. */
export function eventOf(transition: Transition): Partial<InstanceRoleEvents> {
  switch (transition.kind) {
    case 'v1-used':
      return { 'instance-role:v1-used': { endpoint: transition.endpoint } }
    case 'role-changed':
      return { 'instance-role:role-changed': { from: transition.from, to: transition.to } }
    case 'refreshed':
      return { 'instance-role:refreshed': { ...credentials(transition.set), isNew: transition.isNew } }
    case 'refresh-failed':
      return { 'instance-role:refresh-failed': keptEvent(transition) }
    case 'role-detached':
      return { 'instance-role:role-detached': credentials(transition.set) }
    case 'extended':
      return { 'instance-role:extended': extendedEvent(transition) }
    case 'loads-failing':
      return {}
    case 'calls-failing':
      return transition.failedCalls > 1 ? {} : { 'instance-role:calls-failing': failingEvent(transition) }
    case 'calls-recovered':
      return { 'instance-role:calls-recovered': recoveredEvent(transition) }
  }
}

function credentials({ roleName, expiration }: SetFacts): CredentialsEvent {
  return { roleName, expiration }
}

function keptEvent({ set, error }: Of<'refresh-failed'>): InstanceRoleEvents['instance-role:refresh-failed'] {
  return { ...credentials(set), ...failureEvent(error), nextRefresh: set.nextRefresh }
}

function extendedEvent({ set, until, error }: Of<'extended'>): InstanceRoleEvents['instance-role:extended'] {
  const { roleName, expiration: originalExpiration, nextRefresh } = set
  return { roleName, originalExpiration, expiration: until, nextRefresh, ...(error && failureEvent(error)) }
}

function failingEvent({
  since,
  set,
  error,
}: Of<'calls-failing'>): InstanceRoleEvents['instance-role:calls-failing'] {
  return { since, ...failureEvent(error), ...(set && { roleName: set.roleName }) }
}

function recoveredEvent({
  since,
  failedCalls,
}: Of<'calls-recovered'>): InstanceRoleEvents['instance-role:calls-recovered'] {
  return { since, failedCalls }
}

/** Returns no line if the line of another transition says the same. */
export function lineOf(transition: Transition): Line | undefined {
  switch (transition.kind) {
    case 'v1-used':
      return v1Line(transition)
    case 'role-changed':
      return changedLine(transition)
    case 'refreshed':
      return transition.set.isExtended ? undefined : loadedLine(transition)
    case 'refresh-failed':
      return keptLine(transition)
    case 'role-detached':
      return undefined
    case 'extended':
      return extendedLine(transition)
    case 'loads-failing':
      return waitingLine(transition)
    case 'calls-failing':
      return failingLine(transition)
    case 'calls-recovered':
      return recoveredLine(transition)
  }
}

function v1Line({ endpoint }: Of<'v1-used'>): Line {
  const text = `IMDSv1 is used, as \`imdsV1Fallback\` allows: ${endpoint} gives no metadata token.`
  return { topic: 'protocol', level: 'warn', state: 'v1', text }
}

function changedLine({ from, to }: Of<'role-changed'>): Line {
  return line('warn', `changed ${to}`, `the role of the instance has changed: ${to} replaces ${from}.`)
}

function loadedLine({ set }: Of<'refreshed'>): Line {
  const text = `credentials of role ${set.roleName} are loaded; they expire at ${set.expiration}.`
  return line('info', loaded(set), text)
}

function keptLine({ set, error }: Of<'refresh-failed'>): Line {
  const which = `the credentials of role ${set.roleName}, which expire at ${set.expiration}, are kept`
  const isDetached = error.code === 'NO_ROLE'
  const text = isDetached ? `the role was detached; ${which} until then` : `a refresh failed; ${which}`
  return line('warn', `kept ${error.code}`, `${text}. ${why(error)}`)
}

function extendedLine({ set: { roleName, expiration }, error }: Of<'extended'>): Line {
  const which = `credentials of role ${roleName}`
  const text =
    error === undefined
      ? `IMDS gave ${which} that expired at ${expiration}; they are used until it gives others.`
      : `the ${which} expired at ${expiration} and are used until IMDS gives others. ${why(error)}`
  return line('warn', `extended ${error?.code ?? ''}`, text)
}

function waitingLine({ failedLoads, error }: Of<'loads-failing'>): Line {
  const text = `there are no credentials to serve so far, and ${failedLoads} loads have failed. ${why(error)}`
  return line('warn', 'waiting', text)
}

function failingLine({ since, failedCalls, set, error }: Of<'calls-failing'>): Line {
  const what =
    set === undefined
      ? 'there are no credentials'
      : `the credentials of role ${set.roleName} expired at ${set.expiration}, and IMDS gives no others`
  const text = `calls have failed since ${since}, ${failedCalls} so far: ${what}. ${why(error)}`
  return line('error', 'failing', text)
}

/** It has the state of the loaded line, so that this line is not logged as well. */
function recoveredLine({ since, failedCalls, set }: Of<'calls-recovered'>): Line {
  const end = `${set.isExtended ? 'expired' : 'expire'} at ${set.expiration}`
  const text = `calls succeed again, after ${failedCalls} failed since ${since}; the credentials of role ${set.roleName} ${end}.`
  return line('info', loaded(set), text)
}

function line(level: Line['level'], state: string, text: string): Line {
  return { topic: 'credentials', level, state, text }
}

/** The only place where a line quotes an error. */
function why({ code, message }: InstanceRoleError): string {
  return `${code}: ${message}`
}

function loaded({ roleName, expiration }: SetFacts): string {
  return `loaded ${roleName} ${expiration}`
}
