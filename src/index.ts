export {
  fromInstanceRole,
  type InstanceRoleCallProperties,
  type InstanceRoleCredentials,
  type InstanceRoleProvider,
} from './from-instance-role.js'
export { InstanceRoleError, type InstanceRoleErrorCode, type LoadStep } from './errors.js'
export { type InstanceRoleOptions } from './options.js'
export { type InstanceRoleStatus } from './status.js'
export {
  type ExtendedEvent,
  type InstanceRoleEventName,
  type InstanceRoleEvents,
  type LoadAttemptEvent,
  type LoadEndEvent,
  type LoadErrorEvent,
  type LoadStartEvent,
  type RefreshedEvent,
  type RefreshFailedEvent,
  type RoleChangedEvent,
  type RoleDetachedEvent,
  type V1UsedEvent,
} from './events.js'
