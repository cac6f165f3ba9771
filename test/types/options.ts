// Compiled by `npm run check`, never run. Fails if an option is added without a decision whether `MetadataClient` has it as well.
import type { InstanceRoleOptions, MetadataClientOptions } from '../../src/index.js'

type OfCredentialsOnly = 'roleName' | 'waitForRole' | 'minTtl' | 'accountId' | 'logger'
type MissingInClient = Exclude<keyof InstanceRoleOptions, keyof MetadataClientOptions>
type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false

export const isDecided: Equal<MissingInClient, OfCredentialsOnly> = true
