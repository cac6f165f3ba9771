import { throwIfAborted, unlessAborted } from '../runtime/abort.js'
import {
  checkAbortSignal,
  checkDuration,
  checkOptions,
  type CheckedOptions,
} from '../config/checked-options.js'
import { resolveConfig } from '../config/config.js'
import { type InstanceRoleCredentials, toCredentials } from './credentials-identity.js'
import type { LoadedRole } from '../credentials/credentials-loader.js'
import type { Caller, CredentialsSource, SourceStatus } from '../credentials/credentials-source.js'
import { type Called, calledAs, copyFor, InstanceRoleError, type InstanceRoleErrorCode } from '../errors.js'
import { loggerOf, warnOnce } from '../events/loggers.js'
import type { InstanceRoleCallProperties, InstanceRoleOptions, ReadyOptions } from '../config/options.js'
import { type Held, wasTriedLately } from '../refresh/refresh-schedule.js'
import {
  createRegistry,
  releaseSource,
  retainSource,
  type SourceRegistry,
} from '../credentials/shared-sources.js'
import { type RoleWait, waitForRole } from './wait-for-role.js'
import { WaitingCallers } from './waiting-callers.js'
import { describeStatus, inspectStatus, type InstanceRoleStatus } from './status.js'
import { systemEnvironment, type Environment } from './environment.js'

const NONE: InstanceRoleCallProperties = {}
const DEFAULT_READY_TIMEOUT_MS = 60_000

/** A credentials function for any AWS SDK v3 client. */
export interface InstanceRoleProvider extends AsyncDisposable {
  /**
   * Returns the credentials of the instance's role: at once if the cached ones are valid, otherwise after a load.
   *
   * @throws {InstanceRoleError} every code except `METADATA_ABSENT` and `METADATA_NOT_TEXT`; or the reason of `abortSignal`
   */
  (properties?: InstanceRoleCallProperties): Promise<InstanceRoleCredentials>
  /** Tells the SDK not to wrap the provider in its own cache, which would block and fail 5 min before each expiration. */
  memoized: boolean
  /** State, role, expiration, last success, last error code and next refresh. Contains no secret. */
  status(): InstanceRoleStatus
  /**
   * Waits until there are credentials, for example while an instance boots, and returns them.
   *
   * @throws {InstanceRoleError} the last failure when the time is up; at once, a failure that waiting cannot fix
   */
  ready(options?: ReadyOptions): Promise<InstanceRoleCredentials>
  /**
   * Marks the cached credentials as invalid. The next call waits for a fresh load, and returns the cached ones only if that fails.
   * A load that is already running counts as fresh. Before the first call, this does nothing.
   */
  invalidate(): void
  /** Ends its waiting calls with `CLOSED`, and the running load if no other provider shares it. */
  close(): Promise<void>
}

/**
 * Returns the credentials of the IAM role of this EC2 instance, from IMDSv2. They are cached, refreshed ahead of their expiration,
 * and shared with every other provider of the process that has the same settings.
 *
 * The environment and the config file are read at the first call.
 *
 * @example
 * const s3 = new S3Client({ credentials: fromInstanceRole() })
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`, at once, for a malformed option
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html
 */
export function fromInstanceRole(options: InstanceRoleOptions = {}): InstanceRoleProvider {
  return calledAs(fromInstanceRole, () => createProvider(options, systemEnvironment()))
}

/** The key of `util.inspect`'s custom inspection, the same in every realm. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

const callsOf = new WeakMap<object, ProviderCalls>()

/** Returns the source that `provider` shares with others, or `provider` itself if it is not one of ours. */
export function sourceOf(provider: object): object {
  return callsOf.get(provider)?.source ?? provider
}

/** `fromInstanceRole` in a given environment. */
export function createProvider(options: InstanceRoleOptions, environment: Environment): InstanceRoleProvider {
  const use = new ProviderCalls(options, environment)
  const close = (): Promise<void> => {
    use.close()
    return Promise.resolve()
  }
  const { now } = environment.runtime
  const status = (): InstanceRoleStatus => describeStatus(use.status(), use.source?.now() ?? now())
  const provider = Object.assign((properties?: InstanceRoleCallProperties) => use.credentials(properties), {
    memoized: true,
    status,
    ready: (readyOptions?: ReadyOptions) => use.ready(readyOptions),
    invalidate: () => use.invalidate(),
    close,
    [Symbol.asyncDispose]: close,
  })
  // Not enumerable, so that it is not copied.
  Object.defineProperty(provider, INSPECT, { value: () => inspectStatus(status(), now()) })
  callsOf.set(provider, use)
  return provider
}

/** How a caller waits. */
interface Wait extends Pick<RoleWait, 'forMs' | 'isFirm'> {
  readonly abortSignal: AbortSignal | undefined
  /** The function of ours that the caller called: stacks begin above it. */
  readonly called: Called
}

/** A provider's use of a source: opened at the first call, closed once. */
class ProviderCalls {
  readonly #checked: CheckedOptions
  readonly #environment: Environment
  readonly #registry: SourceRegistry
  readonly #waiting = new WaitingCallers()
  #isClosed = false
  /** `undefined` before the first call and after `close()`. */
  source: CredentialsSource | undefined
  #opening: Promise<CredentialsSource> | undefined
  /** `invalidate()` was called while the first call was opening the source. */
  #isInvalidated = false
  /** The error code of malformed settings. */
  #openErrorCode: InstanceRoleErrorCode | undefined

  constructor(options: InstanceRoleOptions, environment: Environment) {
    this.#checked = checkOptions(options)
    this.#environment = environment
    this.#registry = this.#checked.isolated === true ? createRegistry() : environment.registry
  }

  /** The status of the source. Without a source, malformed settings count as a failed load. */
  status(): SourceStatus {
    return this.source?.status() ?? { requests: 0, lastErrorCode: this.#openErrorCode }
  }

  /** Runs about twice per request of every client, so a cached call is a few comparisons and a copy. */
  credentials(given: InstanceRoleCallProperties | null | undefined): Promise<InstanceRoleCredentials> {
    const properties = given ?? NONE
    const source = this.source
    const isPlain = properties.forceRefresh !== true && properties.minTtl === undefined
    if (source !== undefined && isPlain) {
      const held = source.serve(this.#caller(properties))
      if (held !== undefined && !isShort(held, source, this.#checked.minTtl)) {
        return Promise.resolve(toCredentials(held, source))
      }
    }
    return this.#load(properties)
  }

  async #load(properties: InstanceRoleCallProperties): Promise<InstanceRoleCredentials> {
    const abortSignal = checkAbortSignal(properties.abortSignal)
    const forMs = this.#checked.waitForRole ?? 0
    // Awaited, so that this function is in the stack, which then begins after it.
    return await this.#wait(properties, { abortSignal, forMs, isFirm: false, called: this.#load })
  }

  ready(given: ReadyOptions | null | undefined): Promise<InstanceRoleCredentials> {
    return this.#ready(given ?? {})
  }

  async #ready({ timeout, ...given }: ReadyOptions): Promise<InstanceRoleCredentials> {
    const abortSignal = checkAbortSignal(given.abortSignal)
    const forMs = checkDuration('timeout', timeout) ?? DEFAULT_READY_TIMEOUT_MS
    return await this.#wait(NONE, { abortSignal, forMs, isFirm: true, called: this.#ready })
  }

  /** The next call waits for a fresh load. */
  invalidate(): void {
    this.#isInvalidated = this.#opening !== undefined
    this.source?.invalidate()
  }

  close(): void {
    this.#isClosed = true
    this.#waiting.sendAway(closed())
    const { dispatcher, logger } = this.#checked
    if (this.source !== undefined)
      releaseSource(this.source, { registry: this.#registry, dispatcher, logger })
    this.source = undefined
    this.#openErrorCode = undefined
  }

  async #wait(properties: InstanceRoleCallProperties, how: Wait): Promise<InstanceRoleCredentials> {
    const { abortSignal, called } = how
    throwIfAborted(abortSignal)
    const { runtime } = this.#environment
    const wait: RoleWait = {
      ...how,
      isWanted: () => !this.#isClosed && abortSignal?.aborted !== true,
      pauseMs: () => this.source?.pauseMs() ?? 0,
    }
    const found = waitForRole((isFirst) => this.#find(properties, isFirst), wait, runtime)
    const wanted = abortSignal === undefined ? found : unlessAborted(abortSignal, found)
    try {
      return await this.#waiting.join(wanted, runtime)
    } catch (error) {
      this.source?.callFailed(error, this.#caller(properties))
      throw error === abortSignal?.reason ? error : copyFor(called, error)
    }
  }

  async #find(properties: InstanceRoleCallProperties, isFirst: boolean): Promise<InstanceRoleCredentials> {
    this.#requireOpen()
    const source = this.source ?? (await this.#openOnce(properties))
    const caller = this.#caller(properties)
    const minTtlMs = checkDuration('minTtl', properties.minTtl) ?? this.#checked.minTtl
    const isForced = isFirst && properties.forceRefresh === true
    const hasWaited = !isFirst
    const held = await (isForced ? source.refresh(caller) : source.get(caller, hasWaited))
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
    const { runtime, configSources } = this.#environment
    const profile = this.#checked.profile ?? properties.callerClientConfig?.profile
    const warn = (warning: string): void => warnOnce(loggerOf(this.#caller(properties)), warning)
    const sources = configSources(profile, this.#checked.deadline, warn)
    const config = await resolveConfig(this.#checked, sources)
    this.#requireOpen()
    const { dispatcher, logger } = this.#checked
    this.source = retainSource({ config, dispatcher, logger, runtime, registry: this.#registry })
    if (this.#isInvalidated) this.source.invalidate()
    return this.source
  }

  #requireOpen(): void {
    if (this.#isClosed) throw closed()
  }

  /** The provider's logger, if it has one, receives every line. Otherwise the client's logger receives those about its call. */
  #caller({ callerClientConfig }: InstanceRoleCallProperties): Caller {
    return this.#checked.logger === undefined ? callerClientConfig : this.#checked
  }
}

function isShort(held: Held<LoadedRole>, source: CredentialsSource, minTtlMs: number | undefined): boolean {
  return minTtlMs !== undefined && held.value.expiresAt - source.now() < minTtlMs
}

function closed(): InstanceRoleError {
  return new InstanceRoleError('CLOSED', 'The instance role provider was closed.')
}
