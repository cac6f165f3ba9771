import type { LoadedRole } from './credentials-load.js'
import { InstanceRoleError } from '../errors.js'
import { type Held, isServable } from '../refresh/refresh-schedule.js'
import type { Change } from '../refresh/refreshing-cache.js'

/** The facts about a set of credentials, without its keys. */
export interface SetFacts {
  readonly roleName: string
  /** The true expiration. */
  readonly expiresAt: number
  /** The next call after this instant refreshes the credentials. */
  readonly refreshAt: number
  /** The expiration that callers are given, if the credentials are extended. */
  readonly extendedUntil: number | undefined
}

/** A period in which calls fail. */
export interface Failing {
  /** When the first call failed. */
  readonly since: number
  readonly failedCalls: number
}

/** Everything that can happen to the credentials of a source and its callers. Instants are epoch milliseconds. */
export type Transition =
  | { readonly kind: 'v1-used'; readonly endpoint: string }
  | { readonly kind: 'role-changed'; readonly from: string; readonly to: string }
  | { readonly kind: 'refreshed'; readonly set: SetFacts; readonly isNew: boolean }
  | { readonly kind: 'refresh-failed'; readonly set: SetFacts; readonly error: InstanceRoleError }
  | { readonly kind: 'role-detached'; readonly set: SetFacts }
  | ({ readonly kind: 'extended'; readonly error: InstanceRoleError | undefined } & Extended)
  | { readonly kind: 'loads-failing'; readonly failedLoads: number; readonly error: InstanceRoleError }
  | ({ readonly kind: 'calls-failing'; readonly error: InstanceRoleError } & Failing & Expired)
  | ({ readonly kind: 'calls-recovered'; readonly set: SetFacts } & Failing)

interface Extended {
  readonly set: SetFacts
  readonly extendedUntil: number
}

interface Expired {
  /** The expired credentials, if there were any. */
  readonly set: SetFacts | undefined
}

type HeldRole = Held<LoadedRole>

/**
 * Derives transitions from the results of loads and calls. Remembers what is reported once: that the role is detached, and since
 * when calls fail.
 */
export class SourceHistory {
  #isDetached = false
  #failing: Failing | undefined
  /** Consecutive loads that left no credentials to serve. */
  #vainLoads = 0

  /** Returns the transitions in the order in which they are reported. */
  loadEnded({ before, after, error }: Change<HeldRole>, now: number): readonly Transition[] {
    // Even a failed load can end the problem, if the clock was set back.
    const recovery = after !== undefined && isServable(now, after) ? this.#recovery(after) : []
    if (error instanceof InstanceRoleError) return [...recovery, ...this.#failure(after, error, now)]
    if (error !== undefined || after === undefined) return recovery
    this.#isDetached = false
    return [...recovery, ...afterSuccess(before, after)]
  }

  /** `held` are the expired credentials, if any. */
  callFailed(error: InstanceRoleError, held: HeldRole | undefined, now: number): Transition {
    const { since, failedCalls } = this.#failing ?? { since: now, failedCalls: 0 }
    this.#failing = { since, failedCalls: failedCalls + 1 }
    return { kind: 'calls-failing', error, set: held && factsOf(held), ...this.#failing }
  }

  #recovery(after: HeldRole): Transition[] {
    const failing = this.#failing
    this.#failing = undefined
    this.#vainLoads = 0
    return failing === undefined ? [] : [{ kind: 'calls-recovered', set: factsOf(after), ...failing }]
  }

  #failure(after: HeldRole | undefined, error: InstanceRoleError, now: number): Transition[] {
    const vain = after !== undefined && isServable(now, after) ? [] : this.#vainLoad(error)
    if (after === undefined) return vain
    return [...afterFailure(after, error, now), ...this.#detachment(after, error), ...vain]
  }

  /** If no call failed in the meantime, a call is waiting for a role. */
  #vainLoad(error: InstanceRoleError): Transition[] {
    this.#vainLoads += 1
    const isWaitedFor = this.#vainLoads > 1 && this.#failing === undefined
    return isWaitedFor ? [{ kind: 'loads-failing', failedLoads: this.#vainLoads, error }] : []
  }

  #detachment(after: HeldRole, { code }: InstanceRoleError): Transition[] {
    if (code !== 'NO_ROLE' || this.#isDetached) return []
    this.#isDetached = true
    return [{ kind: 'role-detached', set: factsOf(after) }]
  }
}

function afterSuccess(before: HeldRole | undefined, after: HeldRole): Transition[] {
  const set = factsOf(after)
  const previous = before?.value
  const isAnotherRole = previous !== undefined && previous.roleName !== set.roleName
  const changed: Transition[] = isAnotherRole
    ? [{ kind: 'role-changed', from: previous.roleName, to: set.roleName }]
    : []
  const isNew = previous?.id !== after.value.id
  return [...changed, { kind: 'refreshed', set, isNew }, ...extension(set)]
}

/** Valid credentials are kept. Expired ones are extended or not served. */
function afterFailure(after: HeldRole, error: InstanceRoleError, now: number): Transition[] {
  const set = factsOf(after)
  return now < set.expiresAt ? [{ kind: 'refresh-failed', set, error }] : extension(set, error)
}

function extension(set: SetFacts, error?: InstanceRoleError): Transition[] {
  const { extendedUntil } = set
  return extendedUntil === undefined ? [] : [{ kind: 'extended', set, extendedUntil, error }]
}

function factsOf({ value, refreshAt, extendedUntil }: HeldRole): SetFacts {
  return { roleName: value.roleName, expiresAt: value.expiresAt, refreshAt, extendedUntil }
}
