import type { EmulatedInstance } from '../testing/index.js'
import type { OrderedFault } from './fault-flag.js'

/** The flags that remove the role from an instance, each in its own way. */
export const ROLE_BREAKAGES = ['no-role', 'empty-profile', 'bad-trust'] as const

export type RoleBreakage = (typeof ROLE_BREAKAGES)[number]

/** What to break about an instance. */
export interface Breakage {
  readonly role: RoleBreakage | undefined
  readonly imdsDisabled: boolean
  readonly faults: readonly OrderedFault[]
}

/** Breaks the instance, once. */
export function breakInstance(instance: EmulatedInstance, { role, imdsDisabled, faults }: Breakage): void {
  if (role !== undefined) breakRole(instance, role)
  if (imdsDisabled) instance.modifyMetadataOptions({ metadataEnabled: false })
  for (const { step, fault, count } of faults) {
    if (count === undefined) instance.failUntilLifted(step, fault)
    else instance.fail(step, ...Array.from({ length: count }, () => fault))
  }
}

function breakRole(instance: EmulatedInstance, breakage: RoleBreakage): void {
  switch (breakage) {
    case 'no-role':
      instance.disassociateProfile()
      return
    case 'empty-profile':
      instance.profile?.removeRole()
      return
    case 'bad-trust':
      if (instance.role !== undefined) instance.role.trustPolicy = { Version: '2012-10-17', Statement: [] }
  }
}

/** Returns what is broken, in the words of the flags. Empty if nothing is. */
export function describeBreakage({ role, imdsDisabled, faults }: Breakage): string[] {
  return [
    ...(role === undefined ? [] : [`--${role}`]),
    ...(imdsDisabled ? ['--imds-disabled'] : []),
    ...faults.map(({ text }) => `--fail ${text}`),
  ]
}
