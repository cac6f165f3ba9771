// The event and the log line of each transition.
import type { InstanceRoleError } from '../errors.js'
import { type CredentialsEvent, failureEvent, type InstanceRoleEvents } from '../events/events.js'
import type { Line } from './log-without-repeats.js'
import type { SetFacts, Transition, Transitions } from './transitions.js'

/** One row per kind of transition. */
type Table<Result> = { readonly [Kind in keyof Transitions]: (transition: Transition<Kind>) => Result }

/** Only the first of several failed calls has an event, and a failed load has `instance-role:load:error`. */
const EVENTS: Table<Partial<InstanceRoleEvents>> = {
  'v1-used': ({ endpoint }) => ({ 'instance-role:v1-used': { endpoint } }),
  'role-changed': ({ from, to }) => ({ 'instance-role:role-changed': { from, to } }),
  refreshed: ({ set, isNew }) => ({ 'instance-role:refreshed': { ...credentialsEvent(set), isNew } }),
  'refresh-failed': ({ set, error }) => {
    const { nextRefresh } = set
    return {
      'instance-role:refresh-failed': { ...credentialsEvent(set), ...failureEvent(error), nextRefresh },
    }
  },
  'role-detached': ({ set }) => ({ 'instance-role:role-detached': credentialsEvent(set) }),
  extended: ({ set, until, error }) => {
    const { roleName, expiration: originalExpiration, nextRefresh } = set
    const event = { roleName, originalExpiration, expiration: until, nextRefresh }
    return { 'instance-role:extended': { ...event, ...(error && failureEvent(error)) } }
  },
  'loads-failing': () => ({}),
  'calls-failing': ({ since, failedCalls, set, error }) => {
    const event = { since, ...failureEvent(error), ...(set && { roleName: set.roleName }) }
    return failedCalls > 1 ? {} : { 'instance-role:calls-failing': event }
  },
  'calls-recovered': ({ since, failedCalls }) => ({
    'instance-role:calls-recovered': { since, failedCalls },
  }),
}

/** There is no line if the line of another transition says the same. */
const LINES: Table<Line | undefined> = {
  'v1-used': ({ endpoint }) => {
    const text = `IMDSv1 is used, as \`imdsV1Fallback\` allows: ${endpoint} gives no metadata token.`
    return { topic: 'protocol', level: 'warn', state: 'v1', text }
  },
  'role-changed': ({ from, to }) =>
    line('warn', `changed ${to}`, `the role of the instance has changed: ${to} replaces ${from}.`),
  refreshed: ({ set }) => {
    const text = `credentials of role ${set.roleName} are loaded; they expire at ${set.expiration}.`
    return set.isExtended ? undefined : line('info', stateOf(set), text)
  },
  'refresh-failed': ({ set, error }) => {
    const which = `the credentials of role ${set.roleName}, which expire at ${set.expiration}, are kept`
    const isDetached = error.code === 'NO_ROLE'
    const text = isDetached ? `the role was detached; ${which} until then` : `a refresh failed; ${which}`
    return line('warn', `kept ${error.code}`, `${text}. ${why(error)}`)
  },
  'role-detached': () => undefined,
  extended: ({ set: { roleName, expiration }, error }) => {
    const which = `credentials of role ${roleName}`
    const text =
      error === undefined
        ? `IMDS gave ${which} that expired at ${expiration}; they are used until it gives others.`
        : `the ${which} expired at ${expiration} and are used until IMDS gives others. ${why(error)}`
    return line('warn', `extended ${error?.code ?? ''}`, text)
  },
  'loads-failing': ({ failedLoads, error }) => {
    const text = `there are no credentials to serve so far, and ${failedLoads} loads have failed. ${why(error)}`
    return line('warn', 'waiting', text)
  },
  'calls-failing': ({ since, failedCalls, set, error }) => {
    const what =
      set === undefined
        ? 'there are no credentials'
        : `the credentials of role ${set.roleName} expired at ${set.expiration}, and IMDS gives no others`
    const text = `calls have failed since ${since}, ${failedCalls} so far: ${what}. ${why(error)}`
    return line('error', 'failing', text)
  },
  /** It has the state of the loaded line, so that this line is not logged as well. */
  'calls-recovered': ({ since, failedCalls, set }) => {
    const end = `${set.isExtended ? 'expired' : 'expire'} at ${set.expiration}`
    const text = `calls succeed again, after ${failedCalls} failed since ${since}; the credentials of role ${set.roleName} ${end}.`
    return line('info', stateOf(set), text)
  },
}

/** Returns at most one event. */
export function eventOf<Kind extends keyof Transitions>(
  transition: Transition<Kind>,
): Partial<InstanceRoleEvents> {
  return EVENTS[transition.kind](transition)
}

export function lineOf<Kind extends keyof Transitions>(transition: Transition<Kind>): Line | undefined {
  return LINES[transition.kind](transition)
}

function credentialsEvent({ roleName, expiration }: SetFacts): CredentialsEvent {
  return { roleName, expiration }
}

function line(level: Line['level'], state: string, text: string): Line {
  return { topic: 'credentials', level, state, text }
}

/** The only place where a line quotes an error. */
function why({ code, message }: InstanceRoleError): string {
  return `${code}: ${message}`
}

function stateOf({ roleName, expiration }: SetFacts): string {
  return `loaded ${roleName} ${expiration}`
}
