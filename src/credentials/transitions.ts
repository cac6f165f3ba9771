import type { LoadedRole } from './credentials-load.js'
import { InstanceRoleError } from '../errors.js'
import { type Held, isServable } from '../refresh/refresh-schedule.js'
import type { Change } from '../refresh/refreshing-cache.js'

/** A set of credentials, without the credentials. */
export interface SetFacts {
  readonly roleName: string
  /** The true expiration. */
  readonly expiresAt: number
  /** From when on a call tries again. */
  readonly refreshAt: number
  /** The expiration that is handed out in place of the true one, where the set is past that. */
  readonly extendedUntil: number | undefined
}

/** A time in which calls fail. */
export interface Failing {
  /** When the first of them failed. */
  readonly since: number
  readonly failedCalls: number
}

/** What becomes of the credentials of one source, and of those who call for them. Instants are epoch milliseconds. */
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
  /** What has expired, where anything was ever loaded. */
  readonly set: SetFacts | undefined
}

type HeldRole = Held<LoadedRole>

/** What follows from loads and calls that end. Remembers what is told once: that the role was detached, and since when calls fail. */
export class SourceHistory {
  #isDetached = false
  #failing: Failing | undefined
  /** Loads in a row that left nothing to serve. */
  #vainLoads = 0

  /** In the order in which they are told. */
  loadEnded({ before, after, error }: Change<HeldRole>, now: number): readonly Transition[] {
    // A load that failed can end the trouble, too, where the clock went back.
    const recovery = after !== undefined && isServable(now, after) ? this.#recovery(after) : []
    if (error instanceof InstanceRoleError) return [...recovery, ...this.#failure(after, error, now)]
    if (error !== undefined || after === undefined) return recovery
    this.#isDetached = false
    return [...recovery, ...afterSuccess(before, after)]
  }

  /** `held` is what expired, if anything. */
  callFailed(error: InstanceRoleError, held: HeldRole | undefined, now: number): Transition {
    const { since, failedCalls } = this.#failing ?? { since: now, failedCalls: 0 }
    this.#failing = { since, failedCalls: failedCalls + 1 }
    return { kind: 'calls-failing', error, set: held && factsOf(held), ...this.#failing }
  }

  reset(): void {
    this.#isDetached = false
    this.#failing = undefined
    this.#vainLoads = 0
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

  /** Where no call failed between two of these, a call waits for a role. */
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

/** Past its expiration, a set is extended or serves nobody; until then it is kept. */
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
