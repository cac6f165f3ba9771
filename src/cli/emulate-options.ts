import { type Breakage, describeBreakage, ROLE_BREAKAGES, type RoleBreakage } from './breakage.js'
import { UsageError } from './command.js'
import { parseFault } from './fault-flag.js'
import { parseDuration, parseInteger, parseWord, quoted } from './flag-values.js'
import { parseFlags } from './flags.js'
import { type GivenMetadata, parseMetadata } from './metadata-flag.js'
import { type Shell, SHELLS } from './shell.js'

/** A role whose real credentials are served. */
export interface RoleToAssume {
  readonly arn: string
  readonly accountId: string
}

/** What `instance-role emulate` serves, and where. */
export interface EmulateOptions {
  readonly help: boolean
  readonly port: number
  /** If absent, it is guessed. */
  readonly shell: Shell | undefined
  readonly roleName: string
  readonly instanceProfileName: string
  readonly lifetimeSeconds: number
  readonly rotateEverySeconds: number
  readonly metadata: GivenMetadata
  readonly hopLimit: number
  readonly hopsAway: number
  readonly httpTokens: 'optional' | 'required'
  readonly assumeRole: RoleToAssume | undefined
  readonly breakage: Breakage
  readonly failAfterSeconds: number
}

export const EMULATE_FLAGS = {
  help: { type: 'boolean', short: 'h', default: false },
  port: { type: 'string', default: '1338' },
  shell: { type: 'string' },
  'role-name': { type: 'string' },
  'instance-profile-name': { type: 'string', default: 'app-profile' },
  lifetime: { type: 'string' },
  'rotate-every': { type: 'string' },
  metadata: { type: 'string', multiple: true },
  'hop-limit': { type: 'string', default: '1' },
  'hops-away': { type: 'string', default: '0' },
  'http-tokens': { type: 'string', default: 'required' },
  'assume-role': { type: 'string' },
  'no-role': { type: 'boolean', default: false },
  'empty-profile': { type: 'boolean', default: false },
  'bad-trust': { type: 'boolean', default: false },
  'imds-disabled': { type: 'boolean', default: false },
  fail: { type: 'string', multiple: true },
  'fail-after': { type: 'string' },
} as const

type Values = ReturnType<typeof parseFlags<typeof EMULATE_FLAGS>>

/**
 * Parse the flags of `instance-role emulate`.
 *
 * @throws {UsageError} that names the flag and its value
 */
export function parseEmulateOptions(args: readonly string[]): EmulateOptions {
  const values = parseFlags(args, EMULATE_FLAGS)
  const assumed = parseRoleArn(values['assume-role'])
  const breakage = parseBreakage(values)
  return {
    help: values.help,
    port: parseInteger('--port', values.port, 0, 65_535),
    shell: values.shell === undefined ? undefined : parseWord('--shell', values.shell, SHELLS),
    roleName: parseName('--role-name', values['role-name'] ?? assumed?.roleName ?? 'app-role', 64),
    instanceProfileName: parseName('--instance-profile-name', values['instance-profile-name'], 128),
    lifetimeSeconds: parseLifetime(values.lifetime, assumed !== undefined),
    rotateEverySeconds: parseRotateEvery(values['rotate-every'], assumed !== undefined),
    metadata: parseMetadata(values.metadata ?? []),
    hopLimit: parseInteger('--hop-limit', values['hop-limit'], 1, 64),
    hopsAway: parseInteger('--hops-away', values['hops-away'], 0, 64),
    httpTokens: parseWord('--http-tokens', values['http-tokens'], ['optional', 'required']),
    assumeRole: assumed,
    breakage,
    failAfterSeconds: parseFailAfter(values['fail-after'], breakage),
  }
}

function parseBreakage(values: Values): Breakage {
  return {
    role: parseRoleBreakage(values),
    imdsDisabled: values['imds-disabled'],
    faults: (values.fail ?? []).map(parseFault),
  }
}

function parseRoleBreakage(values: Values): RoleBreakage | undefined {
  const [first, second] = ROLE_BREAKAGES.filter((flag) => values[flag])
  if (second === undefined) return first
  throw new UsageError(`--${String(first)} and --${second} exclude each other`)
}

function parseFailAfter(text: string | undefined, breakage: Breakage): number {
  if (text === undefined) return 0
  const seconds = parseDuration('--fail-after', text, { least: '1s', most: '168h' })
  if (describeBreakage(breakage).length > 0) return seconds
  throw new UsageError(`--fail-after ${quoted(text)} needs something that fails, such as --no-role or --fail`)
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html (the characters of a name) */
function parseName(flag: string, text: string, longest: number): string {
  if (/^[\w+=,.@-]+$/.test(text) && text.length <= longest) return text
  throw new UsageError(
    `${flag} must be 1 to ${longest} of the characters A-Z a-z 0-9 _ + = , . @ -, not ${quoted(text)}`,
  )
}

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (the limits of DurationSeconds) */
function parseLifetime(text: string | undefined, isReal: boolean): number {
  const bounds = isReal
    ? { least: '15m', most: '12h', condition: ' with --assume-role' }
    : { least: '1s', most: '8760h' }
  return parseDuration('--lifetime', text ?? (isReal ? '1h' : '6h'), bounds)
}

function parseRotateEvery(text: string | undefined, isReal: boolean): number {
  const seconds = parseDuration('--rotate-every', text ?? '1h', { least: '1s', most: '8760h' })
  if (text === undefined || !isReal) return seconds
  throw new UsageError(
    `--rotate-every ${quoted(text)} does not go with --assume-role, whose sets are renewed ahead of their end`,
  )
}

function parseRoleArn(arn: string | undefined): (RoleToAssume & { readonly roleName: string }) | undefined {
  if (arn === undefined) return undefined
  const [, accountId, roleName] =
    /^arn:aws[\w-]*:iam::(\d{12}):role\/(?:\S+\/)?([\w+=,.@-]+)$/.exec(arn) ?? []
  if (accountId !== undefined && roleName !== undefined) return { arn, accountId, roleName }
  throw new UsageError(
    `--assume-role must be the ARN of a role, such as arn:aws:iam::123456789012:role/app-role, not ${quoted(arn)}`,
  )
}
