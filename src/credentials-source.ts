import { type Dispatcher } from 'undici'
import { type Logger } from '@smithy/types'
import { type InstanceRoleConfig } from './config.js'
import { loadRoleCredentials, type LoadedRole, type RoleMemory } from './credentials-load.js'
import { InstanceRoleError, type InstanceRoleErrorCode, TREATMENTS } from './errors.js'
import { publish } from './events.js'
import { type MetadataTokenCache } from './imds/metadata-client.js'
import {
  afterFailure,
  afterInvalidation,
  afterSuccess,
  type Held,
  isServable,
  judge,
} from './refresh-schedule.js'
import { type Change, RefreshingCache, type RefreshPolicy } from './refreshing-cache.js'
import { type Runtime } from './runtime.js'
import { type StateEvents, stateEvents } from './state-changes.js'
import { StateLog } from './state-log.js'

export interface SourceOptions {
  readonly config: InstanceRoleConfig
  readonly dispatcher: Dispatcher | undefined
  readonly userAgent: string
  readonly token: MetadataTokenCache
  readonly runtime: Runtime
}

/** What a source tells of itself. */
export interface SourceStatus {
  readonly held: Held<LoadedRole> | undefined
  /** Epoch milliseconds. */
  readonly lastSuccessAt: number | undefined
  /** Of the last load, where it failed. */
  readonly lastErrorCode: InstanceRoleErrorCode | undefined
  /** HTTP requests made so far. */
  readonly requests: number
}

/** The credentials of one resolved configuration: cached, refreshed ahead, loaded by one load at a time, used by many. */
export class CredentialsSource {
  readonly #options: SourceOptions
  readonly #cache: RefreshingCache<LoadedRole, Held<LoadedRole>, Logger | undefined>
  readonly #memory: RoleMemory = {}
  readonly #log = new StateLog()
  #ending = new AbortController()
  #users = 0
  #requests = 0
  #lastSuccessAt: number | undefined
  #lastErrorCode: InstanceRoleErrorCode | undefined

  constructor(options: SourceOptions) {
    this.#options = options
    this.#cache = new RefreshingCache(
      (logger) => this.#load(logger),
      schedulePolicy(options.runtime),
      (change, logger) => this.#observe(change, logger),
    )
  }

  /** The set to use now, at once where the schedule allows it. `logger` hears of the load that this call starts, if any. */
  get(logger: Logger | undefined): Held<LoadedRole> | Promise<Held<LoadedRole>> {
    return this.#cache.get(logger)
  }

  /** What a fresh load brings; where it fails, what is held and still good. */
  refresh(logger: Logger | undefined): Promise<Held<LoadedRole>> {
    return this.#cache.refresh(logger)
  }

  /** The next call waits for a fresh load. */
  invalidate(): void {
    this.#cache.amend(afterInvalidation)
  }

  status(): SourceStatus {
    const lastSuccessAt = this.#lastSuccessAt
    return {
      held: this.#cache.held,
      lastSuccessAt,
      lastErrorCode: this.#lastErrorCode,
      requests: this.#requests,
    }
  }

  retain(): void {
    this.#users += 1
  }

  /** Whether that was the last user; the source is then empty. */
  release(): boolean {
    this.#users -= 1
    if (this.#users === 0) this.reset()
    return this.#users === 0
  }

  /** Ends the load under way and forgets all. */
  reset(): void {
    this.#ending.abort(
      new InstanceRoleError('CLOSED', 'The credentials were no longer wanted while they were loaded.'),
    )
    this.#ending = new AbortController()
    this.#cache.reset()
    delete this.#memory.discovered
    this.#lastSuccessAt = undefined
    this.#lastErrorCode = undefined
    this.#requests = 0
  }

  #load(logger: Logger | undefined): Promise<LoadedRole> {
    const { config, ...rest } = this.#options
    const endpoint = config.endpoint.value
    return loadRoleCredentials({
      ...rest,
      endpoint,
      timeoutMs: config.timeoutMs.value,
      deadlineMs: config.deadlineMs.value,
      retries: config.retries.value,
      imdsV1Fallback: config.imdsV1Fallback.value,
      roleName: config.roleName.value,
      memory: this.#memory,
      signal: this.#ending.signal,
      onRequest: () => (this.#requests += 1),
      onV1: () => this.#report({ 'instance-role:v1-used': { endpoint } }, undefined, logger),
    })
  }

  #observe(change: Change<Held<LoadedRole>>, logger: Logger | undefined): void {
    const error = change.error instanceof InstanceRoleError ? change.error : undefined
    if (change.error === undefined) this.#lastSuccessAt = this.#options.runtime.now()
    this.#lastErrorCode = error?.code
    this.#report(stateEvents(change), error, logger)
  }

  #report(events: StateEvents, error: InstanceRoleError | undefined, logger: Logger | undefined): void {
    if (logger !== undefined) this.#log.write(events, error, this.#options.runtime.now(), logger)
    publish(events)
  }
}

function schedulePolicy({ now, random }: Runtime): RefreshPolicy<LoadedRole, Held<LoadedRole>> {
  return {
    judge: (held) => judge(now(), held),
    isServable: (held) => isServable(now(), held),
    afterSuccess: (held, value) => afterSuccess(now(), random, held, value),
    afterFailure: (held, error) => afterFailure(now(), random, held, isWithoutVerdict(error)),
  }
}

/** Whether IMDS was unavailable, as opposed to saying that there are no credentials any more. */
function isWithoutVerdict(error: unknown): boolean {
  return error instanceof InstanceRoleError && TREATMENTS[error.code].extendsExpired
}
