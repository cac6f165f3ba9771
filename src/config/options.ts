import type { AwsIdentityProperties } from '@aws-sdk/types'
import type { Logger } from '@smithy/types'

/**
 * Options of {@link fromInstanceRole}. An option beats the environment, the environment beats the config file, and the config file
 * beats the default.
 */
export interface InstanceRoleOptions {
  /**
   * Name of the role whose credentials are read, instead of the one that IMDS lists. It saves a request, and any other role is
   * refused with `ROLE_NOT_FOUND`. It is not the name of the instance profile.
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
   * Which address of IMDS is used if `endpoint` is not set. With `auto`, IPv6 is tried as well if IPv4 has not answered within 250
   * ms; the address that answers first is used as long as it answers. Set `auto` in code only: the AWS CLI and other SDKs refuse it
   * in the variable or the key.
   *
   * Environment: `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`; config file: `ec2_metadata_service_endpoint_mode`.
   *
   * @default 'IPv4'
   */
  readonly endpointMode?: 'IPv4' | 'IPv6' | 'auto' | undefined
  /**
   * Longest wait for one HTTP exchange, in milliseconds. If you set `deadline`, `timeout` is capped at half of it, so that one try
   * can end before time is up.
   *
   * Environment: `AWS_METADATA_SERVICE_TIMEOUT`, in seconds; config file: `metadata_service_timeout`.
   *
   * @default 1000
   */
  readonly timeout?: number | undefined
  /**
   * Longest wait for a whole load, retries included, in milliseconds. The default is at least four times `timeout`.
   *
   * @default 10000
   */
  readonly deadline?: number | undefined
  /**
   * Number of tries after the first one, within a load.
   *
   * Environment: `AWS_METADATA_SERVICE_NUM_ATTEMPTS`, the first try included; config file: `metadata_service_num_attempts`.
   *
   * @default 3
   */
  readonly retries?: number | undefined
  /**
   * The section of `~/.aws/config` whose settings are read. It is not an instance profile. It beats the profile of the calling
   * client and `AWS_PROFILE`.
   *
   * @default 'default'
   */
  readonly profile?: string | undefined
  /**
   * Receives one line for each change of state of the shared credentials, whichever provider caused it. Without it, the logger of
   * the calling client receives the lines that its own calls cause.
   */
  readonly logger?: Logger | undefined
  /**
   * How long a call waits for credentials that are not there yet, in milliseconds: the role is not attached, or IMDS is not ready.
   * Such a call settles within `waitForRole` plus one `deadline`.
   *
   * @default 0
   */
  readonly waitForRole?: number | undefined
  /**
   * A call waits for a refresh if the cached credentials expire in less than this, in milliseconds. IMDS may not have newer ones:
   * read `expiration` to see how long the result is valid.
   *
   * @default 0
   */
  readonly minTtl?: number | undefined
  /**
   * Whether IMDSv1 is used if IMDSv2 is unavailable (403, 404, 405, or a token request that is never answered). Each use logs a
   * warning. If `AWS_EC2_METADATA_V1_DISABLED` or `ec2_metadata_v1_disabled` is `true`, IMDSv1 is never used.
   *
   * @default false
   */
  readonly imdsV1Fallback?: boolean | undefined
  /**
   * Whether the credentials have the `accountId` of the role, for account-based endpoints. It comes from IMDS's extended
   * credentials, otherwise from the ARN of the instance profile, which the load then reads. A load never fails because the account
   * ID is missing.
   *
   * @default false
   */
  readonly accountId?: boolean | undefined
  /**
   * Whether this provider has its own credentials and metadata token, instead of sharing those of the process. A `MetadataClient`
   * with this option reads the region and the like for itself as well.
   *
   * @default false
   */
  readonly isolated?: boolean | undefined
  /** An undici 6, 7 or 8 dispatcher that sends the requests, instead of direct connections. You close it yourself. */
  readonly dispatcher?: ImdsDispatcher | undefined
}

/** The part of an undici `Dispatcher` that is used. The dispatchers of undici 6, 7 and 8 have it. */
export interface ImdsDispatcher {
  /** Sends one request, like `Dispatcher.request()` of undici. */
  request(options: ImdsDispatcherRequest): Promise<ImdsDispatcherResponse>
}

/** A request to send. */
export interface ImdsDispatcherRequest {
  /** For example `http://169.254.169.254`. */
  readonly origin: string
  /** The path and query, from the first slash. */
  readonly path: string
  /** `PUT` for a metadata token, `GET` for everything else. */
  readonly method: 'GET' | 'PUT'
  /** The headers of the request. The metadata token is one of them. */
  readonly headers: Record<string, string>
  /** Redirects are never followed. */
  readonly maxRedirections: 0
  /** Aborts the request. */
  readonly signal: AbortSignal
}

/** The response to a request. */
export interface ImdsDispatcherResponse {
  /** HTTP status. */
  readonly statusCode: number
  /** Header values by name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The bytes of the body. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Settings for one call. AWS SDK clients pass their configuration. */
export interface InstanceRoleCallProperties extends AwsIdentityProperties {
  /** Waits for a fresh load. If that fails, the cached credentials are returned while they are valid. */
  readonly forceRefresh?: boolean | undefined
  /** Replaces the option `minTtl` for this call. */
  readonly minTtl?: number | undefined
  /** Ends the wait of this caller. A load that other callers wait for goes on. */
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
