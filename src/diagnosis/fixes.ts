import { type ErrorNames, InstanceRoleError } from '../errors.js'
import type { Facts, ImdsFacts, KeyFile } from './facts.js'
import type { Finding } from './findings.js'

/** What to do: a hint, and the exact commands if there are any. */
export type Remedy = Pick<Finding, 'hint' | 'look' | 'fix'>

/** Whether an instance profile is attached: IMDS names it, or lists its roles, even if there are none. */
export function isProfileAttached({ instanceProfile, load }: ImdsFacts): boolean {
  return instanceProfile !== undefined || (load instanceof InstanceRoleError && load.statusCode !== 404)
}

/** A name that needs quoting, in the shell or in a regular expression, is not put in a command. */
export function removingKeys({ path, section }: KeyFile, profile: string): Remedy | undefined {
  if (!/^[\w ~/-]+$/.test(section) || !/^[\w~/.-]+$/.test(path)) return undefined
  const keys = '/^aws_(access_key_id|secret_access_key|session_token)/d'
  return {
    look: `aws configure list --profile ${/\s/.test(profile) ? `'${profile}'` : profile}`,
    fix: `sed -i.bak -E '/^\\[${section.replaceAll('/', '\\/')}\\]/,/^\\[/{${keys};}' ${path}`,
  }
}

/** The known names. The instance ID from IMDS takes precedence over the firmware's. */
export function namesIn({ imds, surroundings }: Facts): ErrorNames {
  return {
    region: imds?.region,
    instanceId: imds?.instanceId ?? surroundings.firmwareInstanceId,
    profileName: imds?.instanceProfile?.name,
    roleName: imds?.listedRole,
    endpoint: imds?.endpoint,
  }
}
