import { throwIfAborted, unlessAborted } from '../runtime/abort.js'
import {
  checkAbortSignal,
  checkDuration,
  checkOptions,
  type CheckedOptions,
} from '../config/checked-options.js'
import { resolveEnabledConfig } from '../config/config.js'
import { type InstanceRoleCredentials, toCredentials } from './credentials-identity.js'
import type { LoadedRole } from '../credentials/credentials-load.js'
import type { Caller, CredentialsSource, SourceStatus } from '../credentials/credentials-source.js'
import {
  beginStackAt,
  type Called,
  copyOf,
  InstanceRoleError,
  type InstanceRoleErrorCode,
} from '../errors.js'
import { loggerOf, warnOnce } from '../events/loggers.js'
import type { InstanceRoleCallProperties, InstanceRoleOptions, ReadyOptions } from '../config/options.js'
import { type Held, wasTriedLately } from '../refresh/refresh-schedule.js'
import { releaseSource, retainSource } from '../credentials/shared-sources.js'
import { type RoleWait, waitForRole } from './wait-for-role.js'
import { WaitingCallers } from './waiting-callers.js'
import type { Environment } from './environment.js'

/** How a caller waits. */
interface Wait {
  readonly abortSignal: AbortSignal | undefined
  readonly limit: Pick<RoleWait, 'forMs' | 'isFirm'>
  /** The first of our functions that the caller waits for. */
  readonly called: Called
}

const NONE: InstanceRoleCallProperties = {}
const DEFAULT_READY_TIMEOUT_MS = 60_000
const EMPTY: SourceStatus = {
  held: undefined,
  lastSuccessAt: undefined,
  lastErrorCode: undefined,
  requests: 0,
  clockOffsetMs: undefined,
}

/** One provider's use of a source: opened at the first call, closed once. */
export class ProviderCalls {
  readonly #checked: CheckedOptions
  readonly #environment: Environment
  readonly #waiting = new WaitingCallers()
  #isClosed = false
  #source: CredentialsSource | undefined
  #opening: Promise<CredentialsSource> | undefined
  /** While the first call was opening the source. */
  #isInvalidated = false
  /** Why the settings gave no source, where they did not. */
  #openErrorCode: InstanceRoleErrorCode | undefined

  constructor(options: InstanceRoleOptions, environment: Environment) {
    this.#checked = checkOptions(options)
    this.#environment = environment
  }

  /** `undefined` before the first call and after the end. */
  get source(): CredentialsSource | undefined {
    return this.#source
  }

  /** Of the source; without one, settings that forbid a load count as a load that failed. */
  status(): SourceStatus {
    return this.#source?.status() ?? { ...EMPTY, lastErrorCode: this.#openErrorCode }
  }

  /** Runs about twice per request of every client: a hit is a few comparisons and a copy. */
  credentials(given: InstanceRoleCallProperties | null | undefined): Promise<InstanceRoleCredentials> {
    const properties = given ?? NONE
    const source = this.#source
    if (source !== undefined && !hasWishes(properties)) {
      const held = source.serve(this.#caller(properties))
      if (held !== undefined && !isShort(held, source, this.#checked.minTtlMs)) {
        return Promise.resolve(toCredentials(held, source))
      }
    }
    return this.#load(properties)
  }

  async #load(properties: InstanceRoleCallProperties): Promise<InstanceRoleCredentials> {
    const abortSignal = checkAbortSignal(properties.abortSignal)
    const limit = { forMs: this.#checked.waitForRoleMs ?? 0, isFirm: false }
    // Awaited, so that this function is in the stack, which begins after it.
    return await this.#wait(properties, { abortSignal, limit, called: this.#load })
  }

  ready(given: ReadyOptions | null | undefined): Promise<InstanceRoleCredentials> {
    return this.#ready(given ?? {})
  }

  async #ready({ timeout, ...given }: ReadyOptions): Promise<InstanceRoleCredentials> {
    const abortSignal = checkAbortSignal(given.abortSignal)
    const forMs = checkDuration('timeout', timeout) ?? DEFAULT_READY_TIMEOUT_MS
    return await this.#wait(NONE, { abortSignal, limit: { forMs, isFirm: true }, called: this.#ready })
  }

  /** The next call waits for a fresh load. */
  invalidate(): void {
    this.#isInvalidated = this.#opening !== undefined
    this.#source?.invalidate()
  }

  close(): void {
    this.#isClosed = true
    this.#waiting.sendAway(closed())
    const { registry } = this.#environment
    const { dispatcher, logger } = this.#checked
    if (this.#source !== undefined) releaseSource(this.#source, { registry, dispatcher, logger })
    this.#source = undefined
    this.#openErrorCode = undefined
  }

  async #wait(
    properties: InstanceRoleCallProperties,
    { abortSignal, limit, called }: Wait,
  ): Promise<InstanceRoleCredentials> {
    throwIfAborted(abortSignal)
    const { runtime } = this.#environment
    const wait: RoleWait = {
      ...limit,
      isWanted: () => !this.#isClosed && abortSignal?.aborted !== true,
      pauseMs: () => this.#source?.pauseMs() ?? 0,
    }
    const found = waitForRole((isFirst) => this.#find(properties, isFirst), wait, runtime)
    const wanted = abortSignal === undefined ? found : unlessAborted(abortSignal, found)
    try {
      return await this.#waiting.join(wanted, runtime)
    } catch (error) {
      this.#source?.callFailed(error, this.#caller(properties))
      throw error === abortSignal?.reason ? error : ownCopy(error, called)
    }
  }

  async #find(properties: InstanceRoleCallProperties, isFirst: boolean): Promise<InstanceRoleCredentials> {
    this.#requireOpen()
    const source = this.#source ?? (await this.#openOnce(properties))
    const caller = this.#caller(properties)
    const minTtlMs = checkDuration('minTtl', properties.minTtl) ?? this.#checked.minTtlMs
    const wish = properties.forceRefresh === true ? 'refresh' : 'get'
    // A failure that is remembered ends a call, and not the wait of one that has tried.
    const held = await source[isFirst ? wish : 'load'](caller)
    const isWorthATry = isShort(held, source, minTtlMs) && !wasTriedLately(source.now(), held)
    if (!isWorthATry) return toCredentials(held, source)
    this.#requireOpen()
    return toCredentials(await source.refresh(caller), source)
  }

  #openOnce(properties: InstanceRoleCallProperties): Promise<CredentialsSource> {
    this.#opening ??= this.#open(properties)
      .catch((error: unknown) => {
        if (!this.#isClosed && error instanceof InstanceRoleError) this.#openErrorCode = error.code
        throw error
      })
      .finally(() => {
        this.#opening = undefined
        this.#isInvalidated = false
      })
    return this.#opening
  }

  async #open(properties: InstanceRoleCallProperties): Promise<CredentialsSource> {
    const { runtime, registry, configSources } = this.#environment
    const profile = this.#checked.profile ?? properties.callerClientConfig?.profile
    const warn = (warning: string): void => warnOnce(loggerOf(this.#caller(properties)), warning)
    const sources = configSources(profile, this.#checked.deadlineMs, warn)
    const config = await resolveEnabledConfig(this.#checked, sources)
    this.#requireOpen()
    const { dispatcher, isolated = false, logger } = this.#checked
    this.#source = retainSource({ config, dispatcher, isolated, logger, runtime, registry })
    if (this.#isInvalidated) this.#source.invalidate()
    return this.#source
  }

  #requireOpen(): void {
    if (this.#isClosed) throw closed()
  }

  /** Hears of what its call does, where the provider has no logger that hears everything. */
  #caller({ callerClientConfig }: InstanceRoleCallProperties): Caller {
    return this.#checked.logger === undefined ? callerClientConfig : this.#checked
  }
}

function hasWishes({ forceRefresh, minTtl }: InstanceRoleCallProperties): boolean {
  return forceRefresh === true || minTtl !== undefined
}

function isShort(held: Held<LoadedRole>, source: CredentialsSource, minTtlMs: number | undefined): boolean {
  return minTtlMs !== undefined && held.value.expiresAt - source.now() < minTtlMs
}

/** For each caller its own: the SDK writes to errors, and the stack tells who called. */
function ownCopy(error: unknown, called: Called): unknown {
  return error instanceof InstanceRoleError ? beginStackAt(called, copyOf(error)) : error
}

function closed(): InstanceRoleError {
  return new InstanceRoleError('CLOSED', 'The instance role provider was closed.')
}
