import { InstanceRoleError, type InstanceRoleErrorCode, TREATMENTS } from '../errors.js'
import { IPV4_ENDPOINT, IPV6_ENDPOINT } from '../config/config.js'
import type { Facts, ImdsFacts, KeyFile } from './facts.js'
import type { Finding } from './findings.js'

/** The names that a command is about, as far as they are known. */
interface Names {
  readonly region: string | undefined
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

/** Shows the trust policy of a role. */
export const SHOW_TRUST_POLICY =
  'aws iam get-role --role-name <role-name> --query Role.AssumeRolePolicyDocument'

/** What to do: a hint and, where there are any, the exact commands. */
export type Remedy = Pick<Finding, 'hint' | 'look' | 'fix'>

/** What to do about an error: its hint and, where there is one, the exact command. */
export function remedyFor(error: InstanceRoleError, facts: Facts): Remedy {
  const names = namesIn(facts)
  const command = commandFor(error, facts)
  const look = LOOKS[error.code]
  return {
    hint: fill(hintFor(error, facts, command), names),
    ...(look !== undefined && { look: fill(look, names) }),
    ...(command !== undefined && { fix: fill(command, names) }),
  }
}

/** What to look at before the command of a code is run, because that replaces it. */
const LOOKS: Readonly<Partial<Record<InstanceRoleErrorCode, string>>> = {
  ROLE_NOT_ASSUMABLE: SHOW_TRUST_POLICY,
}

function hintFor(error: InstanceRoleError, { surroundings }: Facts, command: string | undefined): string {
  const { hint } = TREATMENTS[error.code]
  if (error.code === 'NO_ROLE') return noRoleHint(command)
  if (error.code === 'ROLE_NOT_ASSUMABLE')
    return `${hint.split(':')[0] ?? ''}. The command REPLACES the whole trust policy: look at it first, and keep what it allows others.`
  if (isForbidden(error)) return forbiddenHint(surroundings.firmwareInstanceId)
  return hint
}

/**
 * Whether this host itself refuses the connection: no route, a route that forbids it, or a firewall rule.
 *
 * @see https://man7.org/linux/man-pages/man8/ip-route.8.html (unreachable, blackhole, prohibit)
 */
function isForbidden({ code, message }: InstanceRoleError): boolean {
  return code === 'UNREACHABLE' && /\b(EACCES|EPERM|EINVAL|ENETUNREACH|EHOSTUNREACH)\b/.test(message)
}

/** @see https://man7.org/linux/man-pages/man8/systemd-imdsd@.service.8.html (`systemd.imds.network=locked`) */
function forbiddenHint(firmwareInstanceId: string | undefined): string {
  const elsewhere =
    firmwareInstanceId === undefined ? 'Off EC2, use another credential source. On EC2, a' : 'A'
  return `${elsewhere} route or a firewall of this host forbids connections to IMDS. Look for "prohibit", "blackhole" or "unreachable" in its routes. systemd-imdsd adds such a route unless the kernel is started with systemd.imds.network=unlocked.`
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
  UNREACHABLE: ({ imds }, error) =>
    usingOtherAddress(imds?.otherAddress) ?? (isForbidden(error) ? showRoute(imds?.endpoint) : undefined),
  ROLE_NOT_FOUND: ({ settings }) =>
    'roleName' in settings ? unsetting(settings.roleName.origin) : undefined,
  IMDS_DISABLED_BY_ENV: (_facts, { message }) => unsetting(message),
  BAD_CONFIG: (_facts, { message }) => unsetting(message),
}

function usingOtherAddress(other: ImdsFacts['otherAddress']): string | undefined {
  if (other?.answers !== true) return undefined
  return `export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=${other.endpoint === IPV6_ENDPOINT ? 'IPv6' : 'IPv4'}`
}

/** Only an address has a route; IMDS is rarely named. */
function showRoute(endpoint = ''): string | undefined {
  const address = /^https?:\/\/\[?([\d.]+|[\da-f:]+)\]?(:\d+)?$/.exec(endpoint)?.[1]
  return address === undefined ? undefined : `ip route get ${address}`
}

/** The command that takes back the variable which an origin, or a message with one in it, names. */
function unsetting(text: string): string | undefined {
  const variable = /environment variable (\w+)/.exec(text)?.[1]
  return variable === undefined ? undefined : `unset ${variable}`
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
export function namesIn({ imds, surroundings }: Facts): Names {
  return {
    region: imds?.region,
    instanceId: imds?.instanceId ?? surroundings.firmwareInstanceId,
    profileName: imds?.instanceProfile?.name,
    roleName: imds?.listedRole,
    endpoint: imds?.endpoint,
  }
}

export function fill(template: string, names: Names): string {
  const { region, instanceId, profileName, roleName, endpoint } = names
  return template
    .replaceAll(/\baws ec2 [a-z-]+/g, (command) =>
      region === undefined ? command : `${command} --region ${region}`,
    )
    .replaceAll('<instance-id>', instanceId ?? '<instance-id>')
    .replaceAll('<profile-name>', profileName ?? '<profile-name>')
    .replaceAll('<role-name>', roleName ?? '<role-name>')
    .replaceAll(IPV4_ENDPOINT, endpoint ?? IPV4_ENDPOINT)
}
