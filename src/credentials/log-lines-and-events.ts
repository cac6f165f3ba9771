// The event and the log line of each transition.
import type { InstanceRoleError } from '../errors.js'
import type { InstanceRoleEvents } from '../events/events.js'
import type { Line } from './log-without-repeats.js'
import { toIso } from '../runtime/iso.js'
import type { SetFacts, Transition } from './transitions.js'

type Events = Partial<InstanceRoleEvents>
type Of<Kind extends Transition['kind']> = Extract<Transition, { readonly kind: Kind }>
type OfCalls = Of<'v1-used' | 'loads-failing' | 'calls-failing' | 'calls-recovered'>

/** Returns at most one event. Only the first of several failed calls has one, and a failed load has `instance-role:load:error`. */
export function eventOf(transition: Transition): Events {
  switch (transition.kind) {
    case 'v1-used':
      return { 'instance-role:v1-used': { endpoint: transition.endpoint } }
    case 'loads-failing':
      return {}
    case 'calls-failing':
      return transition.failedCalls > 1 ? {} : { 'instance-role:calls-failing': failing(transition) }
    case 'calls-recovered': {
      const { since, failedCalls } = transition
      return { 'instance-role:calls-recovered': { since: toIso(since), failedCalls } }
    }
    default:
      return eventOfSet(transition)
  }
}

function eventOfSet(transition: Exclude<Transition, OfCalls>): Events {
  switch (transition.kind) {
    case 'role-changed':
      return { 'instance-role:role-changed': { from: transition.from, to: transition.to } }
    case 'refreshed':
      return { 'instance-role:refreshed': { ...held(transition.set), isNew: transition.isNew } }
    case 'refresh-failed': {
      const { set, error } = transition
      const nextRefresh = toIso(set.refreshAt)
      return { 'instance-role:refresh-failed': { ...held(set), ...failure(error), nextRefresh } }
    }
    case 'role-detached':
      return { 'instance-role:role-detached': held(transition.set) }
    case 'extended':
      return { 'instance-role:extended': extended(transition) }
  }
}

/** Returns no line if the line of another transition says the same. */
export function lineOf(transition: Transition): Line | undefined {
  switch (transition.kind) {
    case 'v1-used': {
      const text = `IMDSv1 is used, as \`imdsV1Fallback\` allows: ${transition.endpoint} gives no metadata token.`
      return { topic: 'protocol', state: 'v1', level: 'warn', text }
    }
    case 'loads-failing': {
      const { failedLoads, error } = transition
      const text = `there are no credentials to serve so far, and ${failedLoads} loads have failed. ${why(error)}`
      return { ...CREDENTIALS, state: 'waiting', level: 'warn', text }
    }
    case 'calls-failing':
      return failingLine(transition)
    case 'calls-recovered':
      return recoveredLine(transition)
    default:
      return lineOfSet(transition)
  }
}

function lineOfSet(transition: Exclude<Transition, OfCalls>): Line | undefined {
  switch (transition.kind) {
    case 'role-changed': {
      const { from, to } = transition
      const text = `the role of the instance has changed: ${to} replaces ${from}.`
      return { ...CREDENTIALS, state: `changed ${to}`, level: 'warn', text }
    }
    case 'refreshed':
      return loadedLine(transition)
    case 'refresh-failed':
      return keptLine(transition)
    case 'role-detached':
      return undefined
    case 'extended':
      return extendedLine(transition)
  }
}

const CREDENTIALS = { topic: 'credentials' } as const

function loadedLine({ set }: Of<'refreshed'>): Line | undefined {
  if (set.extendedUntil !== undefined) return undefined
  const text = `credentials of role ${set.roleName} are loaded; they expire at ${toIso(set.expiresAt)}.`
  return { ...CREDENTIALS, state: stateOf(set), level: 'info', text }
}

function keptLine({ set, error }: Of<'refresh-failed'>): Line {
  const which = `the credentials of role ${set.roleName}, which expire at ${toIso(set.expiresAt)}, are kept`
  const isDetached = error.code === 'NO_ROLE'
  const text = isDetached ? `the role was detached; ${which} until then` : `a refresh failed; ${which}`
  return { ...CREDENTIALS, state: `kept ${error.code}`, level: 'warn', text: `${text}. ${why(error)}` }
}

function extendedLine({ set, error }: Of<'extended'>): Line {
  const which = `credentials of role ${set.roleName}`
  const expiration = toIso(set.expiresAt)
  const text =
    error === undefined
      ? `IMDS gave ${which} that expired at ${expiration}; they are used until it gives others.`
      : `the ${which} expired at ${expiration} and are used until IMDS gives others. ${why(error)}`
  return { ...CREDENTIALS, state: `extended ${error?.code ?? ''}`, level: 'warn', text }
}

function failingLine({ since, failedCalls, set, error }: Of<'calls-failing'>): Line {
  const what =
    set === undefined
      ? 'there are no credentials'
      : `the credentials of role ${set.roleName} expired at ${toIso(set.expiresAt)}, and IMDS gives no others`
  const text = `calls have failed since ${toIso(since)}, ${failedCalls} so far: ${what}. ${why(error)}`
  return { ...CREDENTIALS, state: 'failing', level: 'error', text }
}

/** It has the state of the loaded line, so that this line is not logged as well. */
function recoveredLine({ since, failedCalls, set }: Of<'calls-recovered'>): Line {
  const { roleName, expiresAt, extendedUntil } = set
  const end = `${extendedUntil === undefined ? 'expire' : 'expired'} at ${toIso(expiresAt)}`
  const text = `calls succeed again, after ${failedCalls} failed since ${toIso(since)}; the credentials of role ${roleName} ${end}.`
  return { ...CREDENTIALS, state: stateOf(set), level: 'info', text }
}

/** The only place where a line quotes an error. */
function why({ code, message }: InstanceRoleError): string {
  return `${code}: ${message}`
}

function stateOf({ roleName, expiresAt }: SetFacts): string {
  return `loaded ${roleName} ${expiresAt}`
}

function held({ roleName, expiresAt }: SetFacts): { roleName: string; expiration: string } {
  return { roleName, expiration: toIso(expiresAt) }
}

function extended({ set, extendedUntil, error }: Of<'extended'>): Events['instance-role:extended'] & {} {
  return {
    roleName: set.roleName,
    originalExpiration: toIso(set.expiresAt),
    expiration: toIso(extendedUntil),
    ...(error !== undefined && failure(error)),
    nextRefresh: toIso(set.refreshAt),
  }
}

function failing({ since, set, error }: Of<'calls-failing'>): Events['instance-role:calls-failing'] & {} {
  return { since: toIso(since), ...failure(error), ...(set !== undefined && { roleName: set.roleName }) }
}

function failure({ code, step }: InstanceRoleError): {
  errorCode: InstanceRoleError['code']
  step?: NonNullable<InstanceRoleError['step']>
} {
  return { errorCode: code, ...(step !== undefined && { step }) }
}
