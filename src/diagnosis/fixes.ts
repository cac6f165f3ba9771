import { type ErrorNames, InstanceRoleError } from '../errors.js'
import type { Facts, ImdsFacts, KeyFile } from './facts.js'
import type { Finding } from './findings.js'

/** What to do: a hint and, where there are any, the exact commands. */
export type Remedy = Pick<Finding, 'hint' | 'look' | 'fix'>

/** Whether an instance profile is there: IMDS names it, or lists its roles, of which there are none. */
export function isProfileAttached({ instanceProfile, load }: ImdsFacts): boolean {
  return instanceProfile !== undefined || (load instanceof InstanceRoleError && load.statusCode !== 404)
}

/** Only a name that needs no quoting, in the shell and in a regular expression, is put in a command. */
export function removingKeys({ path, section }: KeyFile, profile: string): Remedy | undefined {
  if (!/^[\w ~/-]+$/.test(section) || !/^[\w~/.-]+$/.test(path)) return undefined
  const keys = '/^aws_(access_key_id|secret_access_key|session_token)/d'
  return {
    look: `aws configure list --profile ${/\s/.test(profile) ? `'${profile}'` : profile}`,
    fix: `sed -i.bak -E '/^\\[${section.replaceAll('/', '\\/')}\\]/,/^\\[/{${keys};}' ${path}`,
  }
}

/** The names that are known; the instance's own word for its ID goes before that of the firmware. */
export function namesIn({ imds, surroundings }: Facts): ErrorNames {
  return {
    region: imds?.region,
    instanceId: imds?.instanceId ?? surroundings.firmwareInstanceId,
    profileName: imds?.instanceProfile?.name,
    roleName: imds?.listedRole,
    endpoint: imds?.endpoint,
  }
}
