import { LoadPause } from './load-pause.js'
import type { Logger } from '@smithy/types'
import {
  loadRoleCredentials,
  type LoadedRole,
  type RoleMemory,
  type RoleRequest,
} from './credentials-load.js'
import { copyOf, InstanceRoleError, type InstanceRoleErrorCode, treatmentOf } from '../errors.js'
import { publish } from '../events/events.js'
import type { ImdsAccess } from '../imds/imds-access.js'
import type { ImdsLoadOptions } from '../imds/imds-load.js'
import { loggerOf, type LoggerOwner } from '../events/loggers.js'
import {
  afterFailure,
  afterInvalidation,
  afterSuccess,
  afterWorseSet,
  type Held,
  isServable,
  judge,
} from '../refresh/refresh-schedule.js'
import { type Change, RefreshingCache, type RefreshPolicy } from '../refresh/refreshing-cache.js'
import { toIso } from '../runtime/iso.js'
import type { Runtime } from '../runtime/runtime.js'
import { SourceLog } from './state-log.js'
import { eventOf, lineOf } from './transition-reports.js'
import { SourceHistory, type Transition } from './transitions.js'

/**
 * Hears of its call: of the load that it starts, if any, and of its failure. Its logger is read only then: the configuration of an SDK
 * client is slow to read.
 */
export type Caller = LoggerOwner | null | undefined

/** What a source tells of itself. */
export interface SourceStatus {
  readonly held: Held<LoadedRole> | undefined
  /** Epoch milliseconds. */
  readonly lastSuccessAt: number | undefined
  /** Of the last load, where it failed. */
  readonly lastErrorCode: InstanceRoleErrorCode | undefined
  /** HTTP requests made so far. */
  readonly requests: number
  /** How far the clock of IMDS was ahead of the host's with the last credentials. */
  readonly clockOffsetMs: number | undefined
}

/** The credentials of one resolved configuration: cached, refreshed ahead, loaded by one load at a time, used by many. */
export class CredentialsSource {
  readonly #imds: ImdsAccess
  readonly #request: RoleRequest
  readonly #cache: RefreshingCache<LoadedRole, Held<LoadedRole>, Caller>
  readonly #memory: RoleMemory = {}
  readonly #pause: LoadPause
  readonly #history = new SourceHistory()
  readonly #log = new SourceLog()
  #ending = new AbortController()
  #users = 0
  #requests = 0
  #lastSuccessAt: number | undefined
  #lastErrorCode: InstanceRoleErrorCode | undefined
  #clockOffsetMs: number | undefined

  constructor(imds: ImdsAccess, request: RoleRequest) {
    this.#imds = imds
    this.#request = request
    this.#pause = new LoadPause(imds.runtime)
    this.#cache = new RefreshingCache(
      (caller) => this.#load(caller),
      schedulePolicy(imds.runtime),
      (change, caller) => this.#observe(change, caller),
    )
  }

  /** Epoch milliseconds, by the host's clock. */
  now(): number {
    return this.#imds.runtime.now()
  }

  /** What is held, where it serves without waiting. */
  serve(caller: Caller): Held<LoadedRole> | undefined {
    return this.#cache.serve(caller)
  }

  /** What is held, where it serves without waiting; else what a fresh load brings, or the failure that stands for it. */
  async get(caller: Caller): Promise<Held<LoadedRole>> {
    const held = this.serve(caller)
    if (held !== undefined) return held
    const failure = this.#pause.remembered()
    // A clock that went back can have made what is held good again: then a failed load gives that.
    if (failure !== undefined && !this.#holdsServable()) throw failure
    return this.#cache.refresh(caller)
  }

  #holdsServable(): boolean {
    const { held } = this.#cache
    return held !== undefined && isServable(this.now(), held)
  }

  /** What is held, where it serves without waiting; else what a fresh load brings. */
  load(caller: Caller): Promise<Held<LoadedRole>> {
    return this.#cache.get(caller)
  }

  /** What a fresh load brings; where it fails, what is held and still good. */
  refresh(caller: Caller): Promise<Held<LoadedRole>> {
    return this.#cache.refresh(caller)
  }

  /** A call of a provider has ended with `error`. */
  callFailed(error: unknown, caller: Caller): void {
    if (!(error instanceof InstanceRoleError) || isOfTheCaller(error)) return
    // Another load can have brought something since.
    if (this.#holdsServable()) return
    this.#report([this.#history.callFailed(error, this.#cache.held, this.now())], caller)
  }

  /** The next call waits for a fresh load. */
  invalidate(): void {
    this.#cache.amend(afterInvalidation)
  }

  /** How long to wait, with nothing to serve, before a load is worth another try. */
  pauseMs(): number {
    return this.#pause.pauseMs()
  }

  status(): SourceStatus {
    return {
      held: this.#cache.held,
      lastSuccessAt: this.#lastSuccessAt,
      lastErrorCode: this.#lastErrorCode,
      requests: this.#requests,
      clockOffsetMs: this.#clockOffsetMs,
    }
  }

  /** `logger` hears of all that becomes of the credentials, whoever calls, until it is released. */
  retain(logger: Logger | undefined): void {
    this.#users += 1
    if (logger !== undefined) this.#log.add(logger)
  }

  /** Whether that was the last user; the source is then empty. */
  release(logger: Logger | undefined): boolean {
    this.#users -= 1
    if (logger !== undefined) this.#log.remove(logger)
    if (this.#users > 0) return false
    this.reset()
    this.#imds.releaseTokens()
    return true
  }

  /** Ends the load under way and forgets all. */
  reset(): void {
    this.#ending.abort(
      new InstanceRoleError('CLOSED', 'The credentials were no longer wanted while they were loaded.'),
    )
    this.#ending = new AbortController()
    this.#cache.reset()
    delete this.#memory.discovered
    delete this.#memory.tree
    delete this.#memory.account
    this.#history.reset()
    this.#clockOffsetMs = undefined
    this.#lastSuccessAt = undefined
    this.#lastErrorCode = undefined
    this.#requests = 0
    this.#pause.reset()
  }

  async #load(caller: Caller): Promise<LoadedRole> {
    const request = { ...this.#request, secrets: this.#secrets() }
    const loaded = await loadRoleCredentials(this.#loadOptions(caller), request, this.#memory).catch(
      (error: unknown) => {
        throw this.#tellDetached(error)
      },
    )
    this.#clockOffsetMs = loaded.clockOffsetMs
    this.#requireBetter(loaded)
    return loaded
  }

  #secrets(): readonly string[] {
    const held = this.#cache.held?.value.credentials
    return held === undefined ? [] : [held.accessKeyId, held.secretAccessKey, held.sessionToken]
  }

  /** Where there was a role, that there is none is a change, which somebody made. */
  #tellDetached(error: unknown): unknown {
    const held = this.#cache.held?.value
    const isDetached = error instanceof InstanceRoleError && error.code === 'NO_ROLE'
    if (held === undefined || !isDetached) return error
    const instant = toIso(held.expiresAt)
    const end = held.expiresAt > this.now() ? `expire at ${instant}` : `expired at ${instant}`
    return copyOf(error, { also: `The role ${held.roleName} was detached; its credentials ${end}.` })
  }

  /** IMDS can give sets that are past their expiration while EC2 cannot renew them: no reason to give up a good one. */
  #requireBetter({ expiresAt, roleName }: LoadedRole): void {
    const held = this.#cache.held
    if (held === undefined || expiresAt > this.now() || held.value.expiresAt <= this.now()) return
    const message = `IMDS gave credentials of the role ${roleName} that expired at ${toIso(expiresAt)}.`
    const names = { ...this.#imds.names(), roleName }
    const details = { step: 'credentials', attempts: 1, names } as const
    const error = new InstanceRoleError('CREDENTIALS_NOT_ISSUED', message, details)
    worseSets.add(error)
    throw error
  }

  #loadOptions(caller: Caller): ImdsLoadOptions {
    return {
      ...this.#imds,
      signal: this.#ending.signal,
      isColdStart: this.#cache.held === undefined,
      onRequest: () => (this.#requests += 1),
      onV1: () => {
        const endpoint = this.#imds.endpoints.preferred
        this.#report([{ kind: 'v1-used', endpoint }], caller)
      },
    }
  }

  #observe(change: Change<Held<LoadedRole>>, caller: Caller): void {
    const error = change.error instanceof InstanceRoleError ? change.error : undefined
    if (change.error === undefined) this.#lastSuccessAt = this.now()
    this.#lastErrorCode = error?.code
    if (this.#hasNothing(change)) this.#pause.failed(error)
    else this.#pause.reset()
    this.#report(this.#history.loadEnded(change, this.now()), caller)
  }

  #hasNothing({ after, error }: Change<Held<LoadedRole>>): boolean {
    return error !== undefined && (after === undefined || !isServable(this.now(), after))
  }

  /** All events come before the lines: a logger may call the provider, and a call publishes events of its own. */
  #report(transitions: readonly Transition[], caller: Caller): void {
    for (const transition of transitions) publish(eventOf(transition))
    for (const transition of transitions) {
      const line = lineOf(transition)
      if (line !== undefined) this.#log.write(line, this.now(), loggerOf(caller))
    }
  }
}

/** Closed meanwhile, or given what is malformed: that says nothing of the credentials. */
function isOfTheCaller({ code, attempts }: InstanceRoleError): boolean {
  return code === 'CLOSED' || (code === 'BAD_CONFIG' && attempts === 0)
}

function schedulePolicy({ now, elapsed, random }: Runtime): RefreshPolicy<LoadedRole, Held<LoadedRole>> {
  return {
    judge: (held) => judge(now(), held),
    isServable: (held) => isServable(now(), held),
    afterSuccess: (held, value) => afterSuccess({ now: now(), elapsedMs: elapsed() }, random, held, value),
    afterFailure: (held, error) =>
      isWorseSet(error)
        ? afterWorseSet(now(), random, held)
        : afterFailure(now(), random, held, isWithoutVerdict(error), retryAfterMs(error)),
  }
}

/**
 * Errors of `#requireBetter`. Marked here and not by their code, which a document without credentials has as well: only these pause for
 * 30 s.
 */
const worseSets = new WeakSet<object>()

function isWorseSet(error: unknown): boolean {
  return error instanceof InstanceRoleError && worseSets.has(error)
}

function retryAfterMs(error: unknown): number | undefined {
  return error instanceof InstanceRoleError ? error.retryAfterMs : undefined
}

/** Whether IMDS was unavailable, as opposed to saying that there are no credentials any more. */
function isWithoutVerdict(error: unknown): boolean {
  return error instanceof InstanceRoleError && treatmentOf(error.code).extendsExpired
}
