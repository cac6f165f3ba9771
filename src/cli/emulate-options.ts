import { UsageError } from './command.js'
import { parseDurationSeconds } from './duration.js'
import { parseFlags } from './flags.js'

/** A role whose real credentials are to be served. */
export interface RoleToAssume {
  readonly arn: string
  readonly accountId: string
}

/** What `instance-role emulate` is to serve, and where. */
export interface EmulateOptions {
  readonly help: boolean
  readonly port: number
  readonly roleName: string
  readonly instanceProfileName: string
  readonly lifetimeSeconds: number
  readonly hopLimit: number
  readonly hopsAway: number
  readonly httpTokens: 'optional' | 'required'
  readonly assumeRole: RoleToAssume | undefined
}

export const EMULATE_HELP = `Usage: instance-role emulate [flags]

Serves the metadata service of an emulated EC2 instance on 127.0.0.1, to programs in any language.

  --port <port>                   port; 0 takes a free one (default: 1338)
  --role-name <name>              name of the IAM role (default: app-role, or the name in --assume-role)
  --instance-profile-name <name>  name of the instance profile around it (default: app-profile)
  --lifetime <duration>           life of a set of credentials, in seconds or as 90s, 15m, 6h
                                  (default: 6h; 1h with --assume-role, where STS takes 15m to 12h)
  --http-tokens <word>            required: IMDSv2 only; optional: IMDSv1, too (default: required)
  --hop-limit <count>             HttpPutResponseHopLimit, 1 to 64 (default: 1)
  --hops-away <count>             how far clients seem to be: from the hop limit on, as in a container
                                  behind a bridge, no token request is answered (default: 0)
  --assume-role <ARN>             serve real, short-lived credentials of that role, obtained from STS
                                  with your own AWS credentials; needs @aws-sdk/credential-providers
  --help                          this text

The variables to export go to stdout, all else to stderr. Ctrl+C stops it.`

const FLAGS = {
  help: { type: 'boolean', short: 'h', default: false },
  port: { type: 'string', default: '1338' },
  'role-name': { type: 'string' },
  'instance-profile-name': { type: 'string', default: 'app-profile' },
  lifetime: { type: 'string' },
  'hop-limit': { type: 'string', default: '1' },
  'hops-away': { type: 'string', default: '0' },
  'http-tokens': { type: 'string', default: 'required' },
  'assume-role': { type: 'string' },
} as const

/**
 * Parse the flags of `instance-role emulate`.
 *
 * @throws {UsageError} that names the flag
 */
export function parseEmulateOptions(args: readonly string[]): EmulateOptions {
  const values = parseFlags(args, FLAGS)
  const assumed = parseRoleArn(values['assume-role'])
  return {
    help: values.help,
    port: parseInteger('--port', values.port, 0, 65_535),
    roleName: parseName('--role-name', values['role-name'] ?? assumed?.roleName ?? 'app-role', 64),
    instanceProfileName: parseName('--instance-profile-name', values['instance-profile-name'], 128),
    lifetimeSeconds: parseLifetime(values.lifetime, assumed !== undefined),
    hopLimit: parseInteger('--hop-limit', values['hop-limit'], 1, 64),
    hopsAway: parseInteger('--hops-away', values['hops-away'], 0, 64),
    httpTokens: parseHttpTokens(values['http-tokens']),
    assumeRole: assumed,
  }
}

function parseInteger(flag: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (value >= least && value <= most) return value
  throw new UsageError(`${flag} must be an integer from ${least} to ${most}`)
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html (the characters of a name) */
function parseName(flag: string, text: string, longest: number): string {
  if (/^[\w+=,.@-]+$/.test(text) && text.length <= longest) return text
  throw new UsageError(`${flag} must be 1 to ${longest} of the characters A-Z a-z 0-9 _ + = , . @ -`)
}

function parseHttpTokens(text: string): 'optional' | 'required' {
  if (text === 'optional' || text === 'required') return text
  throw new UsageError('--http-tokens must be optional or required')
}

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (the bounds of DurationSeconds) */
function parseLifetime(text: string | undefined, isReal: boolean): number {
  const seconds = parseDurationSeconds(text ?? (isReal ? '1h' : '6h'))
  if (seconds === undefined)
    throw new UsageError('--lifetime must be seconds, or a duration such as 15m or 6h')
  if (isReal && (seconds < 900 || seconds > 43_200))
    throw new UsageError('--lifetime must be from 15m to 12h with --assume-role')
  if (seconds === 0) throw new UsageError('--lifetime must be at least 1s')
  return seconds
}

function parseRoleArn(arn: string | undefined): (RoleToAssume & { readonly roleName: string }) | undefined {
  if (arn === undefined) return undefined
  const [, accountId, roleName] =
    /^arn:aws[\w-]*:iam::(\d{12}):role\/(?:\S+\/)?([\w+=,.@-]+)$/.exec(arn) ?? []
  if (accountId !== undefined && roleName !== undefined) return { arn, accountId, roleName }
  throw new UsageError(
    '--assume-role must be the ARN of a role, such as arn:aws:iam::123456789012:role/app-role',
  )
}
