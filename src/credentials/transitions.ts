import type { LoadedRole } from './credentials-loader.js'
import { InstanceRoleError } from '../errors.js'
import { type Held, isServable } from '../refresh/refresh-schedule.js'
import type { Change } from '../refresh/refreshing-cache.js'
import { toIso } from '../runtime/iso.js'

/** The facts about a set of credentials, without its keys. Instants are ISO 8601 text. */
export interface SetFacts {
  readonly roleName: string
  /** The true expiration. */
  readonly expiration: string
  /** The next call after this instant refreshes the credentials. */
  readonly nextRefresh: string
  readonly isExtended: boolean
}

/** A period in which calls fail. */
interface Failing {
  /** When the first call failed. ISO 8601 text. */
  readonly since: string
  readonly failedCalls: number
}

/** Everything that can happen to the credentials of a source and its callers. */
export interface Transitions {
  'v1-used': { endpoint: string }
  'role-changed': { from: string; to: string }
  refreshed: { set: SetFacts; isNew: boolean }
  'refresh-failed': { set: SetFacts; error: InstanceRoleError }
  'role-detached': { set: SetFacts }
  /** `until` is the expiration that callers are given. Without an error, IMDS itself gave expired credentials. */
  extended: { set: SetFacts; until: string; error: InstanceRoleError | undefined }
  'loads-failing': { failedLoads: number; error: InstanceRoleError }
  /** `set` is `undefined` if there never were any credentials. */
  'calls-failing': Failing & { set: SetFacts | undefined; error: InstanceRoleError }
  'calls-recovered': Failing & { set: SetFacts }
}

/** One of the transitions. */
export type Transition<Kind extends keyof Transitions = keyof Transitions> = {
  [Each in Kind]: { readonly kind: Each } & Readonly<Transitions[Each]>
}[Kind]

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
    const { since, failedCalls } = this.#failing ?? { since: toIso(now), failedCalls: 0 }
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
  const { roleName: from, id } = before?.value ?? {}
  const { roleName: to } = after.value
  const changed: Transition[] = from === undefined || from === to ? [] : [{ kind: 'role-changed', from, to }]
  const refreshed: Transition = { kind: 'refreshed', set: factsOf(after), isNew: id !== after.value.id }
  return [...changed, refreshed, ...extension(after)]
}

/** Valid credentials are kept. Expired ones are extended or not served. */
function afterFailure(after: HeldRole, error: InstanceRoleError, now: number): Transition[] {
  if (now >= after.value.expiresAt) return extension(after, error)
  return [{ kind: 'refresh-failed', set: factsOf(after), error }]
}

function extension(after: HeldRole, error?: InstanceRoleError): Transition[] {
  const { extendedUntil } = after
  if (extendedUntil === undefined) return []
  return [{ kind: 'extended', set: factsOf(after), until: toIso(extendedUntil), error }]
}

function factsOf({ value, refreshAt, extendedUntil }: HeldRole): SetFacts {
  const { roleName, expiresAt } = value
  const isExtended = extendedUntil !== undefined
  return { roleName, expiration: toIso(expiresAt), nextRefresh: toIso(refreshAt), isExtended }
}
