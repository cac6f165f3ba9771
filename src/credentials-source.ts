import { type Dispatcher } from 'undici'
import { type Logger } from '@smithy/types'
import { type InstanceRoleConfig } from './config.js'
import { loadRoleCredentials, type RoleMemory } from './credentials-load.js'
import { InstanceRoleError, type InstanceRoleErrorCode, TREATMENTS } from './errors.js'
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
import { type HeldRole, logChange, logV1 } from './state-changes.js'

export interface SourceOptions {
  readonly config: InstanceRoleConfig
  readonly dispatcher: Dispatcher | undefined
  readonly userAgent: string
  readonly token: MetadataTokenCache
  readonly runtime: Runtime
}

/** What a source tells of itself. */
export interface SourceStatus {
  readonly held: Held<HeldRole> | undefined
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
  readonly #cache: RefreshingCache<HeldRole, Held<HeldRole>, Logger | undefined>
  readonly #memory: RoleMemory = {}
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
  get(logger: Logger | undefined): Held<HeldRole> | Promise<Held<HeldRole>> {
    return this.#cache.get(logger)
  }

  /** What a fresh load brings; where it fails, what is held and still good. */
  refresh(logger: Logger | undefined): Promise<Held<HeldRole>> {
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

  async #load(logger: Logger | undefined): Promise<HeldRole> {
    const { config, ...rest } = this.#options
    const loaded = await loadRoleCredentials({
      ...rest,
      endpoint: config.endpoint.value,
      timeoutMs: config.timeoutMs.value,
      deadlineMs: config.deadlineMs.value,
      retries: config.retries.value,
      imdsV1Fallback: config.imdsV1Fallback.value,
      roleName: config.roleName.value,
      memory: this.#memory,
      signal: this.#ending.signal,
      onRequest: () => (this.#requests += 1),
      onV1: () => logV1(config.endpoint.value, logger),
    })
    const { accessKeyId, expiration } = loaded.credentials
    return { ...loaded, id: accessKeyId, expiresAt: expiration.getTime() }
  }

  #observe(change: Change<Held<HeldRole>>, logger: Logger | undefined): void {
    const { error } = change
    if (error === undefined) this.#lastSuccessAt = this.#options.runtime.now()
    this.#lastErrorCode = error instanceof InstanceRoleError ? error.code : undefined
    if (logger !== undefined) logChange(change, logger)
  }
}

function schedulePolicy({ now, random }: Runtime): RefreshPolicy<HeldRole, Held<HeldRole>> {
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
