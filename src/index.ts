export {
  fromInstanceRole,
  type InstanceRoleCallProperties,
  type InstanceRoleCredentials,
  type InstanceRoleProvider,
} from './from-instance-role.js'
export { InstanceRoleError, type InstanceRoleErrorCode, type LoadStep } from './errors.js'
export { type InstanceRoleOptions } from './options.js'
export { type InstanceRoleStatus } from './status.js'
