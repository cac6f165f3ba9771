import { setMaxListeners } from 'node:events'
import { type AttributedAwsCredentialIdentity, type AwsIdentityProperties } from '@aws-sdk/types'
import { type Logger } from '@smithy/types'
import { unlessAborted } from './abort.js'
import { checkOptions, type ConfigSources, resolveConfig } from './config.js'
import { type LoadedRole } from './credentials-load.js'
import { type CredentialsSource } from './credentials-source.js'
import { InstanceRoleError } from './errors.js'
import { type InstanceRoleOptions } from './options.js'
import { extensionAt, type Held } from './refresh-schedule.js'
import { type Runtime, systemRuntime } from './runtime.js'
import { type Lease, leaseSource, processRegistry, type SourceRegistry } from './shared-sources.js'
import { describeStatus, type InstanceRoleStatus } from './status.js'

/** A set of credentials of an instance role, as the AWS SDK takes it; each call gives a new object. */
export interface InstanceRoleCredentials extends AttributedAwsCredentialIdentity {
  readonly sessionToken: string
  /** When to ask again at the latest. Later than `originalExpiration` where that is present. */
  readonly expiration: Date
  /** The true expiration, where the set is past it and served all the same because IMDS gives no other. */
  readonly originalExpiration?: Date
}

/** What a call may be told; AWS SDK clients pass their configuration. */
export interface InstanceRoleCallProperties extends AwsIdentityProperties {
  /** Waits for a fresh load. Where it fails, gives what is held and still good. */
  readonly forceRefresh?: boolean | undefined
  /** Ends this caller's wait; a load that others wait for goes on. */
  readonly abortSignal?: AbortSignal | undefined
}

/** A credentials function for any AWS SDK v3 client. */
export interface InstanceRoleProvider extends AsyncDisposable {
  /**
   * The credentials of the instance's role: at once while what is held is good, else after a load.
   *
   * @throws {InstanceRoleError} every code
   */
  (properties?: InstanceRoleCallProperties): Promise<InstanceRoleCredentials>
  /** Tells the SDK not to put a cache of its own in front, which would block and fail 5 min before each expiration. */
  memoized: boolean
  status(): InstanceRoleStatus
  /** What is held is no good: the next call waits for a fresh load, and falls back on what is held only where that fails. */
  invalidate(): void
  /** Ends the waits of its callers with `CLOSED`, and the load under way if nobody else shares it. */
  close(): Promise<void>
}

/**
 * The credentials of the IAM role of this EC2 instance, from IMDSv2: cached, refreshed ahead of their expiration, and shared
 * with every other provider of the process that has the same settings.
 *
 * Environment and config file are read at the first call.
 *
 * @example
 * const s3 = new S3Client({ credentials: fromInstanceRole() })
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`, at once, for a malformed option
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html
 */
export function fromInstanceRole(options: InstanceRoleOptions = {}): InstanceRoleProvider {
  return createProvider(options, systemRuntime, processRegistry())
}

/** `fromInstanceRole` in a given world. */
export function createProvider(
  options: InstanceRoleOptions,
  runtime: Runtime,
  registry: SourceRegistry,
): InstanceRoleProvider {
  const use = new SourceUse(options, runtime, registry)
  return Object.assign((properties?: InstanceRoleCallProperties) => use.credentials(properties), {
    memoized: true,
    status: () => describeStatus(use.source?.status(), runtime.now()),
    invalidate: () => use.source?.invalidate(),
    close: () => use.close(),
    [Symbol.asyncDispose]: () => use.close(),
  })
}

/** One provider's use of a source: opened at the first call, closed once. */
class SourceUse {
  readonly #options: InstanceRoleOptions
  readonly #checked: ReturnType<typeof checkOptions>
  readonly #runtime: Runtime
  readonly #registry: SourceRegistry
  readonly #closing = new AbortController()
  #lease: Lease | undefined
  #opening: Promise<Lease> | undefined

  constructor(options: InstanceRoleOptions, runtime: Runtime, registry: SourceRegistry) {
    this.#options = options
    this.#checked = checkOptions(options)
    this.#runtime = runtime
    this.#registry = registry
    // Every caller who waits listens to it, a thousand at a time.
    setMaxListeners(0, this.#closing.signal)
  }

  get source(): CredentialsSource | undefined {
    return this.#lease?.source
  }

  /** Runs about twice per request of every client: a hit is a comparison and a copy. */
  credentials(properties: InstanceRoleCallProperties | undefined): Promise<InstanceRoleCredentials> {
    if (this.#lease === undefined || properties?.forceRefresh === true)
      return this.#wait(this.#open(properties), properties)
    const held = this.#lease.source.get(this.#logger(properties))
    if (held instanceof Promise) return this.#wait(held, properties)
    return Promise.resolve(toCredentials(held, this.#runtime.now()))
  }

  close(): Promise<void> {
    this.#closing.abort(closed())
    this.#lease?.release()
    this.#lease = undefined
    return Promise.resolve()
  }

  /** Somebody who waits keeps the process alive; the load itself does not. */
  async #wait(
    held: Promise<Held<LoadedRole>>,
    properties: InstanceRoleCallProperties | undefined,
  ): Promise<InstanceRoleCredentials> {
    const release = this.#runtime.keepAlive()
    try {
      const open = unlessAborted(this.#closing.signal, held)
      const abortSignal = properties?.abortSignal
      const wanted = abortSignal === undefined ? open : unlessAborted(abortSignal, open)
      return toCredentials(await wanted, this.#runtime.now())
    } finally {
      release()
    }
  }

  async #open(properties: InstanceRoleCallProperties | undefined): Promise<Held<LoadedRole>> {
    this.#closing.signal.throwIfAborted()
    const { source } = this.#lease ?? (await this.#leaseOnce(properties?.callerClientConfig?.profile))
    const logger = this.#logger(properties)
    return properties?.forceRefresh === true ? source.refresh(logger) : source.get(logger)
  }

  #leaseOnce(callerProfile: string | undefined): Promise<Lease> {
    this.#opening ??= this.#leaseSource(callerProfile).finally(() => (this.#opening = undefined))
    return this.#opening
  }

  async #leaseSource(callerProfile: string | undefined): Promise<Lease> {
    const config = await resolveConfig(
      this.#checked,
      systemConfigSources(this.#options.profile ?? callerProfile),
    )
    if (config.disabled.value) throw disabled(config.disabled.origin)
    this.#closing.signal.throwIfAborted()
    const { dispatcher, isolated = false } = this.#options
    this.#lease = leaseSource({
      config,
      dispatcher,
      isolated,
      runtime: this.#runtime,
      registry: this.#registry,
    })
    return this.#lease
  }

  #logger(properties: InstanceRoleCallProperties | undefined): Logger | undefined {
    return this.#options.logger ?? properties?.callerClientConfig?.logger
  }
}

/** The process's environment, and the files of the AWS SDKs; `profile` beats `AWS_PROFILE`. */
export function systemConfigSources(profile: string | undefined): ConfigSources {
  return {
    env: process.env,
    // The SDK's loader is loaded only where the config file is read.
    loadProfile: async () => {
      const { getProfileName, loadSharedConfigFiles } = await import('@smithy/core/config')
      const name = getProfileName(profile === undefined ? {} : { profile })
      const { configFile, credentialsFile } = await loadSharedConfigFiles()
      return { name, keys: { ...credentialsFile[name], ...configFile[name] } }
    },
  }
}

/** What a call meets where the use of IMDS is disabled. */
export function disabled(origin: string): InstanceRoleError {
  return new InstanceRoleError('IMDS_DISABLED_BY_ENV', `The use of IMDS is disabled by the ${origin}.`)
}

function closed(): InstanceRoleError {
  return new InstanceRoleError('CLOSED', 'The instance role provider was closed.')
}

/** A fresh object, and a fresh `$source`, each time: the SDK writes to them. Spelt out, because it runs at each hit. */
function toCredentials(held: Held<LoadedRole>, now: number): InstanceRoleCredentials {
  const { accessKeyId, secretAccessKey, sessionToken, expiration, accountId } = held.value.credentials
  const fresh = {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiration,
    $source: { CREDENTIALS_IMDS: '0' } as const,
  }
  const identity = accountId === undefined ? fresh : { ...fresh, accountId }
  const extendedUntil = extensionAt(now, held)
  if (extendedUntil === undefined) return identity
  return { ...identity, expiration: new Date(extendedUntil), originalExpiration: expiration }
}
