// All of the packed package's types, as TypeScript sees them in an application.
import { setTimeout } from 'node:timers/promises'
import * as api from 'instance-role'
import { fromInstanceRole, InstanceRoleError, type InstanceRoleOptions, MetadataClient } from 'instance-role'
import { emulateInstance, type EmulatedInstance, type Fault } from 'instance-role/testing'

const options: InstanceRoleOptions = { roleName: 'app-role', timeout: 500 }
export const credentials: api.InstanceRoleProvider = fromInstanceRole(options)
export const expiration: Promise<Date> = credentials().then((identity) => identity.expiration)
export const region: Promise<string> = new MetadataClient().region()
export const codeOf = (error: unknown): string => (error instanceof InstanceRoleError ? error.code : 'other')
export const fault: Fault = { status: 503 }

export async function survives(instance: EmulatedInstance = emulateInstance()): Promise<boolean> {
  instance.failUntilLifted('all', fault)
  await setTimeout(0)
  return (await credentials({ forceRefresh: true })).accessKeyId !== ''
}

// @ts-expect-error a wrong option is found, so the types are not those of `any`
fromInstanceRole({ timeout: 'soon' })
