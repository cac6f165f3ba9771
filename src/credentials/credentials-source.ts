import { LoadPause } from './load-pause.js'
import type { Logger } from '@smithy/types'
import { CredentialsLoader, type LoadedRole } from './credentials-loader.js'
import { copyOf, InstanceRoleError, type InstanceRoleErrorCode, treatmentOf } from '../errors.js'
import { publish } from '../events/events.js'
import type { ImdsAccess } from '../imds/imds-access.js'
import type { ImdsLoadOptions } from '../imds/imds-access.js'
import { loggerOf, type LoggerOwner } from '../events/loggers.js'
import {
  afterFailure,
  afterInvalidation,
  afterSuccess,
  expiredSetPauseMs,
  type Held,
  isServable,
  judge,
  type Moment,
} from '../refresh/refresh-schedule.js'
import { type Change, RefreshingCache, type RefreshPolicy } from '../refresh/refreshing-cache.js'
import { toIso } from '../runtime/iso.js'
import type { Runtime } from '../runtime/runtime.js'
import { SourceLog } from './log-without-repeats.js'
import { eventOf, lineOf } from './log-lines-and-events.js'
import { SourceHistory, type Transition } from './transitions.js'

/**
 * The options or client configuration of a call. Its logger receives lines about the load that the call starts and about the call's
 * failure. The logger is read only then, because the configuration of an SDK client is slow to read.
 */
export type Caller = LoggerOwner | null | undefined

/** The state of a source. */
export interface SourceStatus {
  held?: Held<LoadedRole> | undefined
  /** Epoch milliseconds. */
  lastSuccessAt?: number
  /** Error code of the last load, if it failed. */
  lastErrorCode?: InstanceRoleErrorCode | undefined
  /** HTTP requests made so far. */
  requests: number
}

/** The credentials of one configuration: cached, refreshed ahead, loaded by one load at a time, shared by many providers. */
export class CredentialsSource {
  readonly #imds: ImdsAccess
  readonly #cache: RefreshingCache<LoadedRole, Held<LoadedRole>, Caller>
  #loader: CredentialsLoader
  readonly #pause: LoadPause
  #history = new SourceHistory()
  readonly #log = new SourceLog()
  #ending = new AbortController()
  #users = 0
  #status: SourceStatus = { requests: 0 }

  constructor(imds: ImdsAccess) {
    this.#imds = imds
    this.#loader = new CredentialsLoader(imds.config)
    this.#pause = new LoadPause(imds.runtime)
    this.#cache = new RefreshingCache({
      ...schedulePolicy(imds.runtime),
      load: (caller) => this.#load(caller),
      observe: (change, caller) => this.#observe(change, caller),
    })
  }

  /** Epoch milliseconds. */
  now(): number {
    return this.#imds.runtime.now()
  }

  /** Returns the cached credentials if they are usable now. Starts a refresh behind the call if one is due. */
  serve(caller: Caller): Held<LoadedRole> | undefined {
    return this.#cache.serve(caller)
  }

  /**
   * Returns the cached credentials if they are usable now, otherwise waits for a load. During the pause after failed loads, throws
   * the last error instead, unless the call has waited for a load already.
   */
  async get(caller: Caller, hasWaited = false): Promise<Held<LoadedRole>> {
    // If the clock was set back, the cached credentials may be valid again: then they are returned if the load fails.
    const failure = hasWaited || this.#holdsServable() ? undefined : this.#pause.remembered()
    if (failure !== undefined) throw failure
    return this.#cache.get(caller)
  }

  #holdsServable(): boolean {
    const { held } = this.#cache
    return held !== undefined && isServable(this.now(), held)
  }

  /** Waits for a load. If it fails, returns the cached credentials while they are valid. */
  refresh(caller: Caller): Promise<Held<LoadedRole>> {
    return this.#cache.refresh(caller)
  }

  /** Called when a provider's call failed with `error`. */
  callFailed(error: unknown, caller: Caller): void {
    if (!(error instanceof InstanceRoleError) || isOfTheCaller(error)) return
    // Another load may have succeeded in the meantime.
    if (this.#holdsServable()) return
    this.#report([this.#history.callFailed(error, this.#cache.held, this.now())], caller)
  }

  /** The next call waits for a fresh load. */
  invalidate(): void {
    this.#cache.amend(afterInvalidation)
  }

  /** How long to wait before the next load, if no credentials can be served. */
  pauseMs(): number {
    return this.#pause.pauseMs()
  }

  status(): Readonly<SourceStatus> {
    return { ...this.#status, held: this.#cache.held }
  }

  /** Adds a user. Until `release`, `logger` receives every line about the credentials, whichever provider caused it. */
  retain(logger: Logger | undefined): void {
    this.#users += 1
    if (logger !== undefined) this.#log.add(logger)
  }

  /** Removes a user. Returns whether it was the last one; the source is then empty. */
  release(logger: Logger | undefined): boolean {
    this.#users -= 1
    if (logger !== undefined) this.#log.remove(logger)
    if (this.#users > 0) return false
    this.reset()
    this.#imds.releaseTokens()
    return true
  }

  /** Ends the running load and forgets everything. */
  reset(): void {
    this.#ending.abort(
      new InstanceRoleError('CLOSED', 'The credentials were no longer wanted while they were loaded.'),
    )
    this.#ending = new AbortController()
    this.#cache.reset()
    this.#loader = new CredentialsLoader(this.#imds.config)
    this.#history = new SourceHistory()
    this.#status = { requests: 0 }
    this.#pause.reset()
  }

  async #load(caller: Caller): Promise<LoadedRole> {
    const load = this.#loader.load(this.#loadOptions(caller), this.#secrets())
    const loaded = await load.catch((error: unknown) => {
      throw this.#tellDetached(error)
    })
    this.#requireBetter(loaded)
    return loaded
  }

  #secrets(): readonly string[] {
    const held = this.#cache.held?.value.credentials
    return held === undefined ? [] : [held.accessKeyId, held.secretAccessKey, held.sessionToken]
  }

  /** If there was a role before, the error says that it was detached. */
  #tellDetached(error: unknown): unknown {
    const held = this.#cache.held?.value
    const isDetached = error instanceof InstanceRoleError && error.code === 'NO_ROLE'
    if (held === undefined || !isDetached) return error
    const instant = toIso(held.expiresAt)
    const end = held.expiresAt > this.now() ? `expire at ${instant}` : `expired at ${instant}`
    return copyOf(error, {
      what: (own) => `${own} The role ${held.roleName} was detached; its credentials ${end}.`,
    })
  }

  /** IMDS can return expired credentials while EC2 cannot renew them. They do not replace valid ones. */
  #requireBetter({ expiresAt, roleName }: LoadedRole): void {
    const held = this.#cache.held
    if (held === undefined || expiresAt > this.now() || held.value.expiresAt <= this.now()) return
    const message = `IMDS gave credentials of the role ${roleName} that expired at ${toIso(expiresAt)}.`
    const names = { ...this.#imds.names(), roleName }
    const retryAfterMs = expiredSetPauseMs(this.#imds.runtime.random)
    const details = { step: 'credentials', attempts: 1, names, retryAfterMs } as const
    throw new InstanceRoleError('CREDENTIALS_NOT_ISSUED', message, details)
  }

  #loadOptions(caller: Caller): ImdsLoadOptions {
    return {
      ...this.#imds,
      signal: this.#ending.signal,
      isColdStart: this.#cache.held === undefined,
      onRequest: () => (this.#status.requests += 1),
      onV1: () => {
        const endpoint = this.#imds.endpoints.preferred
        this.#report([{ kind: 'v1-used', endpoint }], caller)
      },
    }
  }

  #observe(change: Change<Held<LoadedRole>>, caller: Caller): void {
    const error = change.error instanceof InstanceRoleError ? change.error : undefined
    if (change.error === undefined) this.#status.lastSuccessAt = this.now()
    this.#status.lastErrorCode = error?.code
    if (change.error !== undefined && !this.#holdsServable()) this.#pause.failed(error)
    else this.#pause.reset()
    this.#report(this.#history.loadEnded(change, this.now()), caller)
  }

  /** Publishes all events before it logs: a logger may call the provider, and that call publishes events as well. */
  #report(transitions: readonly Transition[], caller: Caller): void {
    for (const transition of transitions) publish(eventOf(transition))
    for (const transition of transitions) {
      const line = lineOf(transition)
      if (line !== undefined) this.#log.write(line, this.now(), loggerOf(caller))
    }
  }
}

/** Whether the error is about this call only, and not about the credentials: the provider was closed, or an option is malformed. */
function isOfTheCaller({ code, attempts }: InstanceRoleError): boolean {
  return code === 'CLOSED' || (code === 'BAD_CONFIG' && attempts === 0)
}

type Policy = RefreshPolicy<LoadedRole, Held<LoadedRole>, Caller>

function schedulePolicy({ now, elapsed, random }: Runtime): Omit<Policy, 'load' | 'observe'> {
  const moment = (): Moment => ({ now: now(), elapsedMs: elapsed(), random })
  return {
    judge: (held) => judge(now(), held),
    isServable: (held) => isServable(now(), held),
    afterSuccess: (held, value) => afterSuccess(moment(), held, value),
    afterFailure: (held, error) => {
      if (!(error instanceof InstanceRoleError)) return afterFailure(moment(), held, false)
      // Whether IMDS was unavailable. Otherwise it said that there are no credentials.
      const { extendsExpired } = treatmentOf(error.code)
      return afterFailure(moment(), held, extendsExpired, error.retryAfterMs)
    },
  }
}
