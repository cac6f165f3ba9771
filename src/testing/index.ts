/**
 * An emulated EC2 instance for tests: role, instance profile, IMDSv2, faults and a clock that the test controls.
 *
 * @module instance-role/testing
 */
export { type Clock } from './clock.js'
export { type GivenCredentials, type IssuedCredentials } from './credentials-renewal.js'
export { type EmulatedInstance, emulateInstance } from './emulate-instance.js'
export {
  type DispatchedRequest,
  type DispatchedResponse,
  type EmulatedDispatcher,
} from './dispatcher-front.js'
export { type Step } from './fault-script.js'
export { type Fault, type FaultWord, type Outcome } from './faults.js'
export {
  type IamRole,
  type IamRoleOptions,
  type InstanceProfile,
  type InstanceProfileOptions,
  iamRole,
  instanceProfile,
} from './iam-model.js'
export { type EmulatedRequest } from './imds-protocol.js'
export { type InstanceOptions, type MetadataOptions } from './instance-options.js'
export { type ListenOptions, type LoopbackServer } from './loopback-front.js'
export { type MswHandlers } from './msw-front.js'
export { resetInstanceRole } from './provider-state.js'
export { type Reply } from './reply.js'
export { type TestClock, type TestClockOptions, createTestClock } from './test-clock.js'
export { type PolicyDocument, type PolicyStatement } from './trust-policy.js'
