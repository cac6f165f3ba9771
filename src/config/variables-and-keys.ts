import {
  ATTEMPTS,
  BOOLEAN,
  ENDPOINT,
  ENDPOINT_MODE,
  type EndpointMode,
  ROLE_NAME,
  SECONDS,
  type ValueGrammar,
} from './setting-values.js'

/** A setting with an environment variable and a config file key, and how its values are written. */
export interface NamedSetting<T> extends ValueGrammar<T> {
  readonly variable: string
  readonly key: string
}

type NamedSettings = Readonly<
  Record<'disabled' | 'v1Disabled', NamedSetting<boolean>> &
    Record<'roleName' | 'endpoint', NamedSetting<string>> &
    Record<'endpointMode', NamedSetting<EndpointMode>> &
    Record<'timeoutMs' | 'retries', NamedSetting<number>>
>

/** The settings that the AWS SDKs have as well. @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html */
export const NAMED_SETTINGS: NamedSettings = {
  disabled: named('AWS_EC2_METADATA_DISABLED', 'disable_ec2_metadata', BOOLEAN),
  v1Disabled: named('AWS_EC2_METADATA_V1_DISABLED', 'ec2_metadata_v1_disabled', BOOLEAN),
  roleName: named('AWS_EC2_INSTANCE_PROFILE_NAME', 'ec2_instance_profile_name', ROLE_NAME),
  endpoint: named('AWS_EC2_METADATA_SERVICE_ENDPOINT', 'ec2_metadata_service_endpoint', ENDPOINT),
  endpointMode: named(
    'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE',
    'ec2_metadata_service_endpoint_mode',
    ENDPOINT_MODE,
  ),
  timeoutMs: named('AWS_METADATA_SERVICE_TIMEOUT', 'metadata_service_timeout', SECONDS),
  retries: named('AWS_METADATA_SERVICE_NUM_ATTEMPTS', 'metadata_service_num_attempts', ATTEMPTS),
}

function named<T>(variable: string, key: string, values: ValueGrammar<T>): NamedSetting<T> {
  return { variable, key, ...values }
}

/** The config file keys that are read. */
export const CONFIG_KEYS: readonly string[] = Object.values<NamedSetting<unknown>>({ ...NAMED_SETTINGS }).map(
  ({ key }) => key,
)
