import type { AwsIdentityProperties } from '@aws-sdk/types'
import type { Logger } from '@smithy/types'

/** Options of {@link fromInstanceRole}. An option comes first, then the environment, then the config file, then the default. */
export interface InstanceRoleOptions {
  /**
   * Name of the role whose credentials are read, in place of the one that IMDS lists. Saves a request, and refuses any other
   * role: `ROLE_NOT_FOUND`. Not the name of the instance profile.
   *
   * Environment: `AWS_EC2_INSTANCE_PROFILE_NAME`; config file: `ec2_instance_profile_name`.
   */
  readonly roleName?: string | undefined
  /**
   * Base URL of IMDS, `http:` or `https:`, with or without a path.
   *
   * Environment: `AWS_EC2_METADATA_SERVICE_ENDPOINT`; config file: `ec2_metadata_service_endpoint`.
   *
   * @default 'http://169.254.169.254'
   */
  readonly endpoint?: string | undefined
  /**
   * Which of the two addresses of IMDS is used if there is no `endpoint`. With `auto`, IPv6 is tried as well if IPv4 has not
   * answered within 250 ms, and the one that answers first is kept while it answers. Set `auto` in code: as a value of the variable or
   * the key, the AWS CLI and other SDKs refuse it.
   *
   * Environment: `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`; config file: `ec2_metadata_service_endpoint_mode`.
   *
   * @default 'IPv4'
   */
  readonly endpointMode?: 'IPv4' | 'IPv6' | 'auto' | undefined
  /**
   * Longest wait for one HTTP exchange, in milliseconds. If you set `deadline`, this is capped at half of it, so that one try can
   * end before time is up.
   *
   * Environment: `AWS_METADATA_SERVICE_TIMEOUT`, in seconds; config file: `metadata_service_timeout`.
   *
   * @default 1000
   */
  readonly timeout?: number | undefined
  /**
   * Longest wait for one whole load, retries included, in milliseconds. By default at least four times `timeout`.
   *
   * @default 10000
   */
  readonly deadline?: number | undefined
  /**
   * Further tries after the first, within one load.
   *
   * Environment: `AWS_METADATA_SERVICE_NUM_ATTEMPTS`, the first try included; config file: `metadata_service_num_attempts`.
   *
   * @default 3
   */
  readonly retries?: number | undefined
  /**
   * Profile of the config file whose settings are read: a section of `~/.aws/config`, no instance profile. Beats the profile of
   * the calling client and `AWS_PROFILE`.
   *
   * @default 'default'
   */
  readonly profile?: string | undefined
  /**
   * Receives one line for each change of state of the shared credentials, whichever provider caused it. By default the logger of
   * the calling client does, for what its own calls caused.
   */
  readonly logger?: Logger | undefined
  /**
   * How long a call that finds no credentials keeps looking for them, in milliseconds: no role attached yet, IMDS not there yet.
   * Such a call settles within this and one `deadline`.
   *
   * @default 0
   */
  readonly waitForRole?: number | undefined
  /**
   * A call waits for a refresh if the cached credentials have less time left than this, in milliseconds. IMDS may have no newer
   * ones: `expiration` says how long the result is valid.
   *
   * @default 0
   */
  readonly minTtl?: number | undefined
  /**
   * Whether IMDSv1 is used if IMDSv2 is unavailable (403, 404, 405, or a token request that is never answered), with a warning
   * each time. `AWS_EC2_METADATA_V1_DISABLED` or `ec2_metadata_v1_disabled` of `true` forbids it even then.
   *
   * @default false
   */
  readonly imdsV1Fallback?: boolean | undefined
  /**
   * Whether the credentials have the `accountId` of the role, for account-based endpoints. It comes from the extended credentials
   * of IMDS if it has them, otherwise from the ARN of the instance profile, which the load reads. A load never fails because it is missing.
   *
   * @default false
   */
  readonly accountId?: boolean | undefined
  /**
   * Whether this provider keeps its own credentials and metadata token, instead of sharing those of the process. A `MetadataClient`
   * then also reads the region and the like for itself.
   *
   * @default false
   */
  readonly isolated?: boolean | undefined
  /** A dispatcher of undici 6, 7 or 8 to send requests with, in place of direct connections; closing it stays with its owner. */
  readonly dispatcher?: ImdsDispatcher | undefined
}

/** The part of an undici `Dispatcher` in use here; those of undici 6, 7 and 8 all have it. */
export interface ImdsDispatcher {
  /** Sends one request, as `Dispatcher.request()` of undici does. */
  request(options: ImdsDispatcherRequest): Promise<ImdsDispatcherResponse>
}

/** What a dispatcher is asked for. */
export interface ImdsDispatcherRequest {
  /** Such as `http://169.254.169.254`. */
  readonly origin: string
  /** From the slash after the host. */
  readonly path: string
  /** `PUT` for a metadata token, `GET` for all else. */
  readonly method: 'GET' | 'PUT'
  /** The request's own; a metadata token is among them. */
  readonly headers: Record<string, string>
  /** Redirects are never followed. */
  readonly maxRedirections: 0
  /** Ends the request. */
  readonly signal: AbortSignal
}

/** What a dispatcher answers with. */
export interface ImdsDispatcherResponse {
  /** HTTP status. */
  readonly statusCode: number
  /** Values by their names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The bytes of the body. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Settings for a single call; AWS SDK clients pass their configuration. */
export interface InstanceRoleCallProperties extends AwsIdentityProperties {
  /** Waits for a fresh load. If it fails, gives the cached credentials while they are valid. */
  readonly forceRefresh?: boolean | undefined
  /** Replaces the option for this call. */
  readonly minTtl?: number | undefined
  /** Ends this caller's wait; a load that others wait for goes on. */
  readonly abortSignal?: AbortSignal | undefined
}

/** How long to wait until there are credentials. */
export interface ReadyOptions {
  /**
   * In milliseconds.
   *
   * @default 60000
   */
  readonly timeout?: number | undefined
  /** Ends the wait. */
  readonly abortSignal?: AbortSignal | undefined
}
