import { throwIfAborted, unlessAborted } from '../runtime/abort.js'
import { checkAbortSignal, checkOptions, type CheckedOptions } from '../config/checked-options.js'
import { resolveConfig, valuesOf } from '../config/config.js'
import { badValue } from '../config/setting-values.js'
import { calledAs, copyFor } from '../errors.js'
import { publish } from '../events/events.js'
import { createRegistry } from '../credentials/shared-sources.js'
import { type ImdsAccess, imdsAccess, type ImdsRegistry } from '../imds/imds-access.js'
import { INSTANCE_ID_PATH, InstanceFact, REGION_PATH } from '../imds/instance-facts.js'
import { runLoad } from '../imds/imds-load.js'
import type { ImdsReader } from '../imds/imds-reader.js'
import {
  type IdentityDocument,
  parseIdentifier,
  parseIdentityDocument,
  requireMetadata,
} from './instance-metadata.js'
import type { InstanceRoleOptions } from '../config/options.js'
import { keepName } from '../runtime/keep-name.js'
import { parseLines } from '../runtime/plain-text.js'
import { systemEnvironment } from '../provider/environment.js'

/** Options of {@link MetadataClient}: those of `fromInstanceRole` that concern IMDS itself. */
export type MetadataClientOptions = Pick<
  InstanceRoleOptions,
  | 'endpoint'
  | 'endpointMode'
  | 'timeout'
  | 'deadline'
  | 'retries'
  | 'profile'
  | 'imdsV1Fallback'
  | 'isolated'
  | 'dispatcher'
>

const USER_DATA = '/latest/user-data'

/** Settings for one read. */
export interface MetadataReadOptions {
  /** Ends the wait, and the read unless other clients may be waiting for it as well. */
  readonly abortSignal?: AbortSignal | undefined
}

/** How this client reads, by its settings. Worked out once. */
interface Opened {
  readonly access: ImdsAccess
  /** Equal if two clients have equal settings. */
  readonly limits: string
}

/**
 * Reads the metadata of this EC2 instance with IMDSv2, with the same limits as the credentials and the same metadata token.
 *
 * The region, the availability zone, the instance ID and the identity document cannot change while a process runs: they are read
 * once for all clients of the process that use the same endpoint and dispatcher. Everything else is read at each call.
 *
 * @example
 * const metadata = new MetadataClient()
 * const zone = await metadata.availabilityZone()
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
 */
export class MetadataClient {
  static {
    keepName(this, 'MetadataClient')
  }

  readonly #checked: CheckedOptions
  readonly #environment = systemEnvironment()
  readonly #registry: ImdsRegistry
  /** Keeps the facts that this client has read in the registry. */
  readonly #facts = new Map<string, InstanceFact>()
  #opened: Promise<Opened> | undefined

  /** @throws {InstanceRoleError} `BAD_CONFIG`, at once, for a malformed option */
  constructor(options: MetadataClientOptions = {}) {
    this.#checked = calledAs(MetadataClient, () => checkOptions(options))
    this.#registry = this.#checked.isolated === true ? createRegistry() : this.#environment.registry
  }

  /**
   * Reads the body at `path`, for example `/latest/meta-data/ami-id`. Returns `undefined` if IMDS has nothing there (404).
   *
   * @throws {InstanceRoleError} `BAD_CONFIG` for a malformed path or setting, `METADATA_NOT_TEXT`, or why IMDS did not answer, with
   * `step` `token` or `metadata`
   */
  async get(path: string, options: MetadataReadOptions = {}): Promise<string | undefined> {
    if (!/^\/[\x21-\x7e]*$/.test(path)) {
      throw badValue('metadata path', path, 'an absolute, percent-encoded path')
    }
    // Awaited, so that the stack of an error leads to the caller.
    return await this.#load((imds) => imds.get(path, 'metadata'), options)
  }

  /**
   * Reads the region, for example `eu-central-1`.
   *
   * @throws {InstanceRoleError} `METADATA_ABSENT`, `BAD_RESPONSE`, and those of `get`
   */
  region(options?: MetadataReadOptions): Promise<string> {
    return this.#fact(REGION_PATH, options, parseIdentifier)
  }

  /**
   * Reads the instance's ID, for example `i-0123456789abcdef0`.
   *
   * @throws {InstanceRoleError} `METADATA_ABSENT`, `BAD_RESPONSE`, and those of `get`
   */
  instanceId(options?: MetadataReadOptions): Promise<string> {
    return this.#fact(INSTANCE_ID_PATH, options, parseIdentifier)
  }

  /**
   * Reads the availability zone, for example `eu-central-1a`.
   *
   * @throws {InstanceRoleError} `METADATA_ABSENT`, `BAD_RESPONSE`, and those of `get`
   */
  availabilityZone(options?: MetadataReadOptions): Promise<string> {
    return this.#fact('/latest/meta-data/placement/availability-zone', options, parseIdentifier)
  }

  /**
   * Reads the user data as text. Returns `undefined` if the instance has none.
   *
   * @throws {InstanceRoleError} `METADATA_NOT_TEXT` if it is something else, such as gzip
   */
  userData(options?: MetadataReadOptions): Promise<string | undefined> {
    return this.get(USER_DATA, options)
  }

  /** Reads the user data as bytes, text or not. Returns `undefined` if the instance has none. */
  userDataBytes(options: MetadataReadOptions = {}): Promise<Uint8Array | undefined> {
    return this.#load((imds) => imds.getBytes(USER_DATA, 'metadata'), options)
  }

  /**
   * Reads `GET /latest/dynamic/instance-identity/document`.
   *
   * @throws {InstanceRoleError} `METADATA_ABSENT`, `BAD_RESPONSE`, and those of `get`
   */
  identityDocument(options?: MetadataReadOptions): Promise<IdentityDocument> {
    return this.#fact('/latest/dynamic/instance-identity/document', options, parseIdentityDocument)
  }

  /**
   * Reads the instance's tags, by key.
   *
   * @throws {InstanceRoleError} `METADATA_ABSENT` if the instance does not show its tags in the metadata
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
   */
  async tags(options: MetadataReadOptions = {}): Promise<Record<string, string>> {
    const path = '/latest/meta-data/tags/instance'
    const tags = new Map<string, string>()
    await this.#load(async (imds) => {
      const keys = parseLines(requireMetadata(await imds.get(path, 'metadata'), path))
      // The tags that were read are kept, so that the next try continues where the last one failed.
      for (const key of keys.filter((known) => !tags.has(known))) {
        const value = await imds.get(`${path}/${encodeURIComponent(key)}`, 'metadata')
        if (value !== undefined) tags.set(key, value)
      }
    }, options)
    return Object.fromEntries(tags)
  }

  /** Reads a fact once. A body that cannot be parsed counts as a failed read, which is retried. */
  #fact<T>(
    path: string,
    options: MetadataReadOptions | null = {},
    parse: (body: string, path: string) => T,
  ): Promise<T> {
    const read = async (imds: ImdsReader): Promise<string> => {
      const body = requireMetadata(await imds.get(path, 'metadata'), path)
      parse(body, path)
      return body
    }
    return this.#wait(async () => {
      const { access, limits } = await this.#open()
      // The first endpoint if there are two: both belong to the same instance.
      const key = `${access.config.endpoint.value} ${path}`
      const fact = this.#registry.facts.get(this.#checked.dispatcher, key, () => new InstanceFact())
      this.#facts.set(path, fact)
      // Without a caller's signal: all callers share the read.
      const body = await fact.get(limits, () => load(access, new AbortController().signal, read))
      return parse(body, path)
    }, options)
  }

  #load<T>(read: (imds: ImdsReader) => Promise<T>, options: MetadataReadOptions | null): Promise<T> {
    return this.#wait(async (signal) => {
      const { access } = await this.#open()
      throwIfAborted(signal)
      return load(access, signal, read)
    }, options)
  }

  async #wait<T>(work: (signal: AbortSignal) => Promise<T>, options: MetadataReadOptions | null): Promise<T> {
    const signal = checkAbortSignal(options?.abortSignal) ?? new AbortController().signal
    throwIfAborted(signal)
    const release = this.#environment.runtime.keepAlive()
    try {
      return await unlessAborted(signal, work(signal))
    } catch (error) {
      throw error === signal.reason ? error : copyFor(this.#wait, error)
    } finally {
      release()
    }
  }

  /** Opened once, so that the endpoint that answers is remembered. A failure is not remembered. */
  #open(): Promise<Opened> {
    this.#opened ??= this.#resolve().catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  async #resolve(): Promise<Opened> {
    const { runtime, configSources } = this.#environment
    const { profile, deadline, dispatcher } = this.#checked
    const config = await resolveConfig(this.#checked, configSources(profile, deadline))
    const access = imdsAccess({ config, dispatcher, runtime, registry: this.#registry })
    return { access, limits: JSON.stringify(valuesOf(config)) }
  }
}

function load<T>(
  access: ImdsAccess,
  signal: AbortSignal,
  read: (imds: ImdsReader) => Promise<T>,
): Promise<T> {
  const onV1 = (): void => publish({ 'instance-role:v1-used': { endpoint: access.endpoints.preferred } })
  return runLoad({ ...access, signal, isColdStart: true, onRequest: () => {}, onV1 }, read)
}

/**
 * Returns a function for the `region` option of an AWS SDK client. The region is read once for the whole process, like
 * {@link MetadataClient.region}.
 *
 * @example
 * const s3 = new S3Client({ region: fromInstanceMetadataRegion(), credentials: fromInstanceRole() })
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`, at once, for a malformed option
 */
export function fromInstanceMetadataRegion(options: MetadataClientOptions = {}): () => Promise<string> {
  const client = new MetadataClient(options)
  return () => client.region()
}
