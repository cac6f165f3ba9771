import { throwIfAborted, unlessAborted } from '../runtime/abort.js'
import { checkAbortSignal, checkOptions, type CheckedOptions } from '../config/checked-options.js'
import { resolveEnabledConfig } from '../config/config.js'
import { InstanceRoleError } from '../errors.js'
import { publish } from '../events/events.js'
import { type ImdsAccess, imdsAccess, type TokenRegistry } from '../imds/imds-access.js'
import { runLoad } from '../imds/imds-load.js'
import type { ImdsReader } from '../imds/imds-reader.js'
import {
  type IdentityDocument,
  parseIdentifier,
  parseIdentityDocument,
  parseLines,
  requireMetadata,
} from './instance-metadata.js'
import type { InstanceRoleOptions } from '../config/options.js'
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

/** What a single read may be told. */
export interface MetadataReadOptions {
  /** Ends the wait and the read. */
  readonly abortSignal?: AbortSignal | undefined
}

/**
 * Reads the metadata of this EC2 instance with IMDSv2, under the same limits as the credentials, and with the same metadata
 * token.
 *
 * @example
 * const metadata = new MetadataClient()
 * const zone = await metadata.availabilityZone()
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
 */
export class MetadataClient {
  readonly #checked: CheckedOptions
  readonly #environment = systemEnvironment()
  readonly #registry: TokenRegistry
  #access: Promise<ImdsAccess> | undefined

  /** @throws {InstanceRoleError} `BAD_CONFIG`, at once, for a malformed option */
  constructor(options: MetadataClientOptions = {}) {
    this.#checked = checkOptions(options)
    this.#registry = this.#checked.isolated === true ? { tokens: new Map() } : this.#environment.registry
  }

  /**
   * The body at `path`, such as `/latest/meta-data/ami-id`, or `undefined` where IMDS has nothing there (404).
   *
   * @throws {InstanceRoleError} `BAD_CONFIG` for a malformed path or setting, `METADATA_NOT_TEXT`, or what kept IMDS from answering, with
   * `step` `token` or `metadata`
   */
  async get(path: string, options: MetadataReadOptions = {}): Promise<string | undefined> {
    if (!/^\/[\x21-\x7e]*$/.test(path)) {
      throw new InstanceRoleError('BAD_CONFIG', 'The metadata path is not an absolute, percent-encoded path.')
    }
    return this.#load((imds) => imds.get(path, 'metadata'), options)
  }

  /**
   * The region, such as `eu-central-1`.
   *
   * @throws {InstanceRoleError} `METADATA_ABSENT`, `BAD_RESPONSE`, and those of `get`
   */
  region(options?: MetadataReadOptions): Promise<string> {
    return this.#require('/latest/meta-data/placement/region', options, parseIdentifier)
  }

  /**
   * The instance's ID, such as `i-0123456789abcdef0`.
   *
   * @throws {InstanceRoleError} `METADATA_ABSENT`, `BAD_RESPONSE`, and those of `get`
   */
  instanceId(options?: MetadataReadOptions): Promise<string> {
    return this.#require('/latest/meta-data/instance-id', options, parseIdentifier)
  }

  /**
   * The availability zone, such as `eu-central-1a`.
   *
   * @throws {InstanceRoleError} `METADATA_ABSENT`, `BAD_RESPONSE`, and those of `get`
   */
  availabilityZone(options?: MetadataReadOptions): Promise<string> {
    return this.#require('/latest/meta-data/placement/availability-zone', options, parseIdentifier)
  }

  /**
   * The user data as text; `undefined` where the instance has none.
   *
   * @throws {InstanceRoleError} `METADATA_NOT_TEXT` where it is something else, such as gzip
   */
  userData(options?: MetadataReadOptions): Promise<string | undefined> {
    return this.get(USER_DATA, options)
  }

  /** The user data as it is, text or not; `undefined` where the instance has none. */
  userDataBytes(options: MetadataReadOptions = {}): Promise<Uint8Array | undefined> {
    return this.#load((imds) => imds.getBytes(USER_DATA, 'metadata'), options)
  }

  /**
   * `GET /latest/dynamic/instance-identity/document`.
   *
   * @throws {InstanceRoleError} `METADATA_ABSENT`, `BAD_RESPONSE`, and those of `get`
   */
  identityDocument(options?: MetadataReadOptions): Promise<IdentityDocument> {
    return this.#require('/latest/dynamic/instance-identity/document', options, parseIdentityDocument)
  }

  /**
   * The instance's tags, by their keys.
   *
   * @throws {InstanceRoleError} `METADATA_ABSENT` where the instance does not show its tags in the metadata
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
   */
  async tags(options: MetadataReadOptions = {}): Promise<Record<string, string>> {
    const path = '/latest/meta-data/tags/instance'
    const tags = new Map<string, string>()
    await this.#load(async (imds) => {
      const keys = parseLines(requireMetadata(await imds.get(path, 'metadata'), path))
      // What was read is kept, so that another try goes on where the last one failed.
      for (const key of keys.filter((known) => !tags.has(known))) {
        const value = await imds.get(`${path}/${encodeURIComponent(key)}`, 'metadata')
        if (value !== undefined) tags.set(key, value)
      }
    }, options)
    return Object.fromEntries(tags)
  }

  /** Parsed within the load, so that what came broken is read again. */
  #require<T>(
    path: string,
    options: MetadataReadOptions = {},
    parse: (body: string, path: string) => T,
  ): Promise<T> {
    return this.#load(
      async (imds) => parse(requireMetadata(await imds.get(path, 'metadata'), path), path),
      options,
    )
  }

  async #load<T>(read: (imds: ImdsReader) => Promise<T>, options: MetadataReadOptions | null): Promise<T> {
    const abortSignal = checkAbortSignal(options?.abortSignal)
    const { runtime } = this.#environment
    const release = runtime.keepAlive()
    const signal = abortSignal ?? new AbortController().signal
    try {
      throwIfAborted(abortSignal)
      const access = await unlessAborted(signal, this.#open())
      const load = {
        ...access,
        signal,
        onRequest: () => {},
        onV1: () => publish({ 'instance-role:v1-used': { endpoint: access.endpoints.preferred } }),
      }
      return await runLoad(load, read)
    } finally {
      release()
    }
  }

  /** Opened once: which endpoint answers is remembered from one read to the next. A failure is not remembered. */
  #open(): Promise<ImdsAccess> {
    this.#access ??= this.#resolve().catch((error: unknown) => {
      this.#access = undefined
      throw error
    })
    return this.#access
  }

  async #resolve(): Promise<ImdsAccess> {
    const { runtime, configSources } = this.#environment
    const { profile, deadlineMs, dispatcher } = this.#checked
    const config = await resolveEnabledConfig(this.#checked, configSources(profile, deadlineMs))
    return imdsAccess({ config, dispatcher, runtime, registry: this.#registry })
  }
}

/**
 * The region of this instance, for the `region` of an AWS SDK client; read once.
 *
 * @example
 * const s3 = new S3Client({ region: fromInstanceMetadataRegion(), credentials: fromInstanceRole() })
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`, at once, for a malformed option
 */
export function fromInstanceMetadataRegion(options: MetadataClientOptions = {}): () => Promise<string> {
  const client = new MetadataClient(options)
  let region: Promise<string> | undefined
  return () => {
    region ??= client.region().catch((error: unknown) => {
      // A failure is not remembered: the next call asks again.
      region = undefined
      throw error
    })
    return region
  }
}
