/**
 * Credentials of the EC2 instance's IAM role for AWS SDK clients, instance metadata, and errors that name their fix.
 *
 * @module instance-role
 */
export { fromInstanceRole, type InstanceRoleProvider } from './provider/from-instance-role.js'
export type { InstanceRoleCredentials } from './provider/credentials-identity.js'
export {
  fromInstanceMetadataRegion,
  MetadataClient,
  type MetadataClientOptions,
  type MetadataReadOptions,
} from './metadata/metadata-client.js'
export type { IdentityDocument } from './metadata/instance-metadata.js'
export {
  type ErrorHint,
  type ErrorNames,
  InstanceRoleError,
  type InstanceRoleErrorCode,
  type InstanceRoleErrorDetails,
  type LoadStep,
} from './errors.js'
export {
  getRefreshOnExpiredTokenPlugin,
  refreshOnExpiredToken,
  type RefreshableProvider,
  type RefreshOnExpiredTokenPlugin,
  type SigningClient,
  type SigningConfig,
} from './recovery/refresh-on-expired-token.js'
export type {
  ImdsDispatcher,
  ImdsDispatcherRequest,
  ImdsDispatcherResponse,
  InstanceRoleCallProperties,
  InstanceRoleOptions,
  ReadyOptions,
} from './config/options.js'
export type { InstanceRoleState, InstanceRoleStatus } from './provider/status.js'
export type {
  CredentialsEvent,
  FailureEvent,
  InstanceRoleEventName,
  InstanceRoleEvents,
  EndedLoadEvent,
  LoadEvent,
} from './events/events.js'
