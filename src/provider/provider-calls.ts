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
import type { Caller, CredentialsSource } from '../credentials/credentials-source.js'
import { beginStackAt, type Called, copyOf, InstanceRoleError } from '../errors.js'
import { loggerOf, warnOnce } from '../events/loggers.js'
import type { InstanceRoleCallProperties, InstanceRoleOptions, ReadyOptions } from '../config/options.js'
import { type Held, wasTriedLately } from '../refresh/refresh-schedule.js'
import { releaseSource, retainSource } from '../credentials/shared-sources.js'
import { type RoleWait, waitForRole } from './wait-for-role.js'
import { WaitingCallers } from './waiting-callers.js'
import type { Environment } from './environment.js'

const NONE: InstanceRoleCallProperties = {}
const DEFAULT_READY_TIMEOUT_MS = 60_000

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

  constructor(options: InstanceRoleOptions, environment: Environment) {
    this.#checked = checkOptions(options)
    this.#environment = environment
  }

  /** `undefined` before the first call and after the end. */
  get source(): CredentialsSource | undefined {
    return this.#source
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
    throwIfAborted(abortSignal)
    const roleWait = this.#roleWait(this.#checked.waitForRoleMs ?? 0, abortSignal)
    // Awaited, so that this function is in the stack, which begins after it.
    return await this.#wait(this.#find(properties, roleWait), abortSignal, this.#load)
  }

  ready(given: ReadyOptions | null | undefined): Promise<InstanceRoleCredentials> {
    return this.#ready(given ?? {})
  }

  async #ready({ timeout, ...given }: ReadyOptions): Promise<InstanceRoleCredentials> {
    const abortSignal = checkAbortSignal(given.abortSignal)
    const timeoutMs = checkDuration('timeout', timeout) ?? DEFAULT_READY_TIMEOUT_MS
    throwIfAborted(abortSignal)
    const end = new AbortController()
    const roleWait = this.#roleWait(timeoutMs, end.signal)
    const cancel = this.#environment.runtime.after(timeoutMs, () =>
      end.abort(ownCopy(roleWait.lastFailure, this.#ready) ?? notReady(timeoutMs)),
    )
    const stop = (): void => end.abort(abortSignal?.reason)
    abortSignal?.addEventListener('abort', stop, { once: true })
    try {
      return await this.#wait(this.#find({ abortSignal: end.signal }, roleWait), end.signal, this.#ready)
    } finally {
      cancel()
      abortSignal?.removeEventListener('abort', stop)
    }
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
  }

  /** `called` is the first of our functions that the caller waits for. */
  async #wait<T>(work: Promise<T>, abortSignal: AbortSignal | undefined, called: Called): Promise<T> {
    const wanted = abortSignal === undefined ? work : unlessAborted(abortSignal, work)
    try {
      return await this.#waiting.join(wanted, this.#environment.runtime)
    } catch (error) {
      throw error === abortSignal?.reason ? error : ownCopy(error, called)
    }
  }

  #roleWait(forMs: number, abortSignal: AbortSignal | undefined): RoleWait {
    return { forMs, isWanted: () => !this.#isClosed && abortSignal?.aborted !== true }
  }

  async #find(properties: InstanceRoleCallProperties, roleWait: RoleWait): Promise<InstanceRoleCredentials> {
    this.#requireOpen()
    const source = this.#source ?? (await this.#openOnce(properties))
    const caller = this.#caller(properties)
    const minTtlMs = checkDuration('minTtl', properties.minTtl) ?? this.#checked.minTtlMs
    const first = (): Promise<Held<LoadedRole>> =>
      properties.forceRefresh === true ? source.refresh(caller) : source.get(caller)
    const look = (isFirst: boolean): Promise<Held<LoadedRole>> => (isFirst ? first() : source.load(caller))
    const held = await waitForRole(look, () => source.pauseMs(), roleWait, this.#environment.runtime)
    const isWorthATry = isShort(held, source, minTtlMs) && !wasTriedLately(source.now(), held)
    if (!isWorthATry) return toCredentials(held, source)
    this.#requireOpen()
    return toCredentials(await source.refresh(caller), source)
  }

  #openOnce(properties: InstanceRoleCallProperties): Promise<CredentialsSource> {
    this.#opening ??= this.#open(properties).finally(() => {
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

function notReady(timeoutMs: number): InstanceRoleError {
  return new InstanceRoleError('TIMEOUT', `There were no credentials within ${timeoutMs} ms.`, {
    timedOut: true,
  })
}
