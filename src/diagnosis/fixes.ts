import { InstanceRoleError, type InstanceRoleErrorCode, TREATMENTS } from '../errors.js'
import { IPV4_ENDPOINT, IPV6_ENDPOINT } from '../config/config.js'
import type { Facts, ImdsFacts, KeyFile } from './facts.js'

/** The names that a command is about, as far as they are known. */
interface Names {
  readonly instanceId: string | undefined
  readonly profileName: string | undefined
  readonly roleName: string | undefined
  readonly endpoint: string | undefined
}

/** Shows whether requests to IMDS were dropped. */
export const COUNT_THROTTLED = 'ethtool -S <interface> | grep linklocal_allowance_exceeded'

/**
 * The command for each code, as its hint has it where that has one; codes that no command fixes are not here. What stands in
 * angle brackets is filled in where it is known.
 */
export const COMMANDS: Readonly<Partial<Record<InstanceRoleErrorCode, string>>> = {
  UNREACHABLE:
    'curl -sS -m 2 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token',
  HOP_LIMIT:
    'aws ec2 modify-instance-metadata-options --instance-id <instance-id> --http-endpoint enabled --http-put-response-hop-limit 2',
  IMDS_DISABLED:
    'aws ec2 modify-instance-metadata-options --instance-id <instance-id> --http-endpoint enabled',
  NO_ROLE:
    'aws ec2 associate-iam-instance-profile --instance-id <instance-id> --iam-instance-profile Name=<profile-name>',
  ROLE_NOT_ASSUMABLE:
    'aws iam update-assume-role-policy --role-name <role-name> --policy-document \'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}\'',
  CREDENTIALS_NOT_ISSUED:
    'TOKEN=$(curl -sX PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token) && curl -sH "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/iam/info',
  TIMEOUT: 'export AWS_METADATA_SERVICE_TIMEOUT=5',
  SERVER_ERROR: 'aws ec2 describe-instance-status --instance-ids <instance-id>',
  THROTTLED: COUNT_THROTTLED,
  UNEXPECTED_STATUS: 'env | grep -i -e AWS_EC2_METADATA -e proxy',
  BAD_RESPONSE: 'env | grep -i -e AWS_EC2_METADATA -e proxy',
}

/** Of the hint of `NO_ROLE`, for where an instance profile is attached. */
export const FILL_PROFILE =
  'aws iam add-role-to-instance-profile --instance-profile-name <profile-name> --role-name <role-name>'

/** What to do about an error: its hint and, where there is one, the exact command. */
export function remedyFor(error: InstanceRoleError, facts: Facts): { hint: string; fix?: string } {
  const names = namesIn(facts)
  const command = commandFor(error, facts)
  const hint = fill(error.code === 'NO_ROLE' ? noRoleHint(command) : TREATMENTS[error.code].hint, names)
  return command === undefined ? { hint } : { hint, fix: fill(command, names) }
}

/** Whether an instance profile is there: IMDS names it, or lists its roles, of which there are none. */
export function isProfileAttached({ instanceProfile, load }: ImdsFacts): boolean {
  return instanceProfile !== undefined || (load instanceof InstanceRoleError && load.statusCode !== 404)
}

/** Of the two halves of the hint, the one that holds. */
function noRoleHint(command = ''): string {
  return command === FILL_PROFILE
    ? `Put the role in the instance profile: ${command}`
    : `Attach an instance profile that holds a role: ${command}`
}

function commandFor(error: InstanceRoleError, facts: Facts): string | undefined {
  return BY_FACTS[error.code]?.(facts, error) ?? COMMANDS[error.code]
}

/** Where the facts tell which command it is. */
const BY_FACTS: Readonly<
  Partial<Record<InstanceRoleErrorCode, (facts: Facts, error: InstanceRoleError) => string | undefined>>
> = {
  NO_ROLE: ({ imds }) => (imds !== undefined && isProfileAttached(imds) ? FILL_PROFILE : undefined),
  UNREACHABLE: ({ imds }) => usingOtherAddress(imds?.otherAddress),
  ROLE_NOT_FOUND: ({ settings }) =>
    'roleName' in settings ? unsetting(settings.roleName.origin) : undefined,
  IMDS_DISABLED_BY_ENV: (_facts, { message }) => unsetting(message),
  BAD_CONFIG: (_facts, { message }) => unsetting(message),
}

function usingOtherAddress(other: ImdsFacts['otherAddress']): string | undefined {
  if (other?.answers !== true) return undefined
  return `export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=${other.endpoint === IPV6_ENDPOINT ? 'IPv6' : 'IPv4'}`
}

/** The command that takes back the variable which an origin, or a message with one in it, names. */
function unsetting(text: string): string | undefined {
  const variable = /environment variable (\w+)/.exec(text)?.[1]
  return variable === undefined ? undefined : `unset ${variable}`
}

/** Only a name that needs no quoting, in the shell and in a regular expression, is put in a command. */
export function removingKeys({ path, section }: KeyFile): string | undefined {
  if (!/^[\w ~/-]+$/.test(section) || !/^[\w~/.-]+$/.test(path)) return undefined
  return `sed -i -E '/^\\[${section.replaceAll('/', '\\/')}\\]/,/^\\[/{/^aws_(access_key_id|secret_access_key|session_token)/d;}' ${path}`
}

/** The names that are known; the instance's own word for its ID goes before that of the firmware. */
export function namesIn({ imds, surroundings }: Facts): Names {
  return {
    instanceId: imds?.instanceId ?? surroundings.firmwareInstanceId,
    profileName: imds?.instanceProfile?.name,
    roleName: imds?.listedRole,
    endpoint: imds?.endpoint,
  }
}

export function fill(template: string, { instanceId, profileName, roleName, endpoint }: Names): string {
  return template
    .replaceAll('<instance-id>', instanceId ?? '<instance-id>')
    .replaceAll('<profile-name>', profileName ?? '<profile-name>')
    .replaceAll('<role-name>', roleName ?? '<role-name>')
    .replaceAll(IPV4_ENDPOINT, endpoint ?? IPV4_ENDPOINT)
}
