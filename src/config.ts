import { InstanceRoleError } from './errors.js'
import type { InstanceRoleOptions } from './options.js'

/** Where a setting comes from, in words: `option timeout`, `environment variable AWS_…`, `… of profile …`, `default`. */
export type Origin = string

export interface Setting<T> {
  readonly value: T
  readonly origin: Origin
}

/** Every setting, resolved; nothing is optional but what can be absent. */
export interface InstanceRoleConfig {
  readonly disabled: Setting<boolean>
  readonly roleName: Setting<string | undefined>
  readonly endpoint: Setting<string>
  /** Tried as well where the endpoint does not answer at once. */
  readonly alternativeEndpoint: Setting<string | undefined>
  readonly timeoutMs: Setting<number>
  readonly deadlineMs: Setting<number>
  readonly retries: Setting<number>
  readonly imdsV1Fallback: Setting<boolean>
  readonly accountId: Setting<boolean>
}

/** Where settings are looked for, besides the options. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The keys of one profile of the config file; called only where something is left undecided. */
  readonly loadProfile: () => Promise<Profile>
}

export interface Profile {
  readonly name: string
  readonly keys: Readonly<Record<string, string | undefined>>
}

/** How one setting is spelled in each place. */
interface Knob<T> {
  readonly variable: string
  readonly key: string
  /** Parses text from the environment or the file; `undefined` where it is malformed. */
  readonly parse: (text: string) => T | undefined
  /** What a well-formed value is, for the error. */
  readonly expected: string
}

export const IPV4_ENDPOINT: string = 'http://169.254.169.254'
export const IPV6_ENDPOINT: string = 'http://[fd00:ec2::254]'
type EndpointMode = 'ipv4' | 'ipv6' | 'auto'

/** Both addresses of IMDS in the order in which they are tried; one where one is asked for. */
const ENDPOINTS: Readonly<Record<EndpointMode, readonly [string, string?]>> = {
  ipv4: [IPV4_ENDPOINT],
  ipv6: [IPV6_ENDPOINT],
  auto: [IPV4_ENDPOINT, IPV6_ENDPOINT],
}

const DEFAULT_TIMEOUT_MS = 1_000
const DEFAULT_DEADLINE_MS = 10_000
/** However long one exchange may take, a load has room for four. */
const DEADLINE_TIMEOUTS = 4
const DEFAULT_RETRIES = 3
/** The longest delay a timer of Node can have. */
const MAX_DURATION_MS = 2 ** 31 - 1

/** The knobs of the AWS SDKs. @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html */
const KNOBS = {
  disabled: {
    variable: 'AWS_EC2_METADATA_DISABLED',
    key: 'disable_ec2_metadata',
    parse: parseBoolean,
    expected: 'true or false',
  },
  v1Disabled: {
    variable: 'AWS_EC2_METADATA_V1_DISABLED',
    key: 'ec2_metadata_v1_disabled',
    parse: parseBoolean,
    expected: 'true or false',
  },
  roleName: {
    variable: 'AWS_EC2_INSTANCE_PROFILE_NAME',
    key: 'ec2_instance_profile_name',
    parse: parseName,
    expected: 'the name of a role (letters, digits and _+=,.@-)',
  },
  endpoint: {
    variable: 'AWS_EC2_METADATA_SERVICE_ENDPOINT',
    key: 'ec2_metadata_service_endpoint',
    parse: parseEndpoint,
    expected: 'an http: or https: URL without user, query or fragment',
  },
  endpointMode: {
    variable: 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE',
    key: 'ec2_metadata_service_endpoint_mode',
    parse: parseEndpointMode,
    expected: 'IPv4, IPv6 or auto',
  },
  timeoutMs: {
    variable: 'AWS_METADATA_SERVICE_TIMEOUT',
    key: 'metadata_service_timeout',
    parse: parseSeconds,
    expected: 'a positive number of seconds',
  },
  retries: {
    variable: 'AWS_METADATA_SERVICE_NUM_ATTEMPTS',
    key: 'metadata_service_num_attempts',
    parse: parseAttempts,
    expected: 'a whole number of attempts, at least 1',
  },
} as const satisfies Readonly<Record<string, Knob<unknown>>>

/** Options, validated and in inner units; only what was given. */
export interface CheckedOptions {
  readonly roleName?: string
  readonly endpoint?: string
  readonly endpointMode?: EndpointMode
  readonly timeoutMs?: number
  readonly deadlineMs?: number
  readonly retries?: number
  readonly imdsV1Fallback?: boolean
  readonly accountId?: boolean
  readonly waitForRoleMs?: number
  readonly minTtlMs?: number
  readonly profile?: string
}

type Check = (value: unknown) => unknown

/** One row an option: what it becomes, or `undefined` where it is malformed; and what it should have been. */
const OPTION_CHECKS: Readonly<
  Record<keyof InstanceRoleOptions, { check: Check; expected: string; as?: keyof CheckedOptions }>
> = {
  roleName: { check: ifText(parseName), expected: KNOBS.roleName.expected, as: 'roleName' },
  endpoint: { check: ifText(parseEndpoint), expected: KNOBS.endpoint.expected, as: 'endpoint' },
  endpointMode: {
    check: ifText(parseEndpointMode),
    expected: KNOBS.endpointMode.expected,
    as: 'endpointMode',
  },
  timeout: { check: positiveDuration, expected: 'a positive number of milliseconds', as: 'timeoutMs' },
  deadline: { check: positiveDuration, expected: 'a positive number of milliseconds', as: 'deadlineMs' },
  retries: { check: wholeNumber, expected: 'a whole number, at least 0', as: 'retries' },
  waitForRole: { check: duration, expected: 'a number of milliseconds, at least 0', as: 'waitForRoleMs' },
  minTtl: { check: duration, expected: 'a number of milliseconds, at least 0', as: 'minTtlMs' },
  imdsV1Fallback: { check: ifBoolean, expected: 'true or false', as: 'imdsV1Fallback' },
  accountId: { check: ifBoolean, expected: 'true or false', as: 'accountId' },
  profile: {
    check: ifText((text) => text.trim() || undefined),
    expected: 'the name of a profile of the config file',
    as: 'profile',
  },
  isolated: { check: ifBoolean, expected: 'true or false' },
  logger: {
    check: ifHas('debug', 'info', 'warn', 'error'),
    expected: 'a logger with debug, info, warn and error',
  },
  dispatcher: { check: ifHas('dispatch'), expected: 'an undici dispatcher' },
}

/**
 * Check the options of `fromInstanceRole`. One that is `undefined` counts as absent.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`
 */
export function checkOptions(options: InstanceRoleOptions): CheckedOptions {
  if (!isRecord(options)) throw badConfig('options argument', 'not an object')
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const checked = given.map(([name, value]): [string, unknown] => {
    const row = Object.entries(OPTION_CHECKS).find(([known]) => known === name)?.[1]
    if (row === undefined) throw badConfig(`option ${name}`, 'unknown')
    const result = row.check(value)
    if (result === undefined) throw badConfig(`option ${name}`, `not ${row.expected}`)
    return [row.as ?? name, result]
  })
  return Object.fromEntries(checked)
}

/**
 * Resolve every setting: option, else environment variable, else config file, else default. An empty variable counts as unset.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`, naming the setting and where it came from
 */
export async function resolveConfig(
  options: CheckedOptions,
  sources: ConfigSources,
): Promise<InstanceRoleConfig> {
  let profile: Promise<Profile> | undefined
  const find = <T>(knob: Knob<T>): Promise<Setting<T> | undefined> =>
    findSetting(knob, sources.env, () => (profile ??= sources.loadProfile()))

  const timeoutMs = await choose('timeout', options.timeoutMs, find, KNOBS.timeoutMs, DEFAULT_TIMEOUT_MS)
  return {
    disabled: (await find(KNOBS.disabled)) ?? byDefault(false),
    timeoutMs,
    deadlineMs: option('deadline', options.deadlineMs) ?? byDefault(defaultDeadlineMs(timeoutMs.value)),
    retries: await choose('retries', options.retries, find, KNOBS.retries, DEFAULT_RETRIES),
    roleName: await choose<string | undefined>('roleName', options.roleName, find, KNOBS.roleName, undefined),
    ...(await findEndpoints(options, find)),
    imdsV1Fallback: await findV1Fallback(options, find),
    accountId: option('accountId', options.accountId) ?? byDefault(false),
  }
}

function defaultDeadlineMs(timeoutMs: number): number {
  return Math.min(Math.max(DEFAULT_DEADLINE_MS, DEADLINE_TIMEOUTS * timeoutMs), MAX_DURATION_MS)
}

/** @throws {InstanceRoleError} `IMDS_DISABLED_BY_ENV` */
export function requireEnabled({ disabled }: InstanceRoleConfig): void {
  if (!disabled.value) return
  throw new InstanceRoleError(
    'IMDS_DISABLED_BY_ENV',
    `The use of IMDS is disabled by the ${disabled.origin}.`,
  )
}

type Find = <T>(knob: Knob<T>) => Promise<Setting<T> | undefined>

async function choose<T>(
  name: string,
  given: T | undefined,
  find: Find,
  knob: Knob<T>,
  fallback: T,
): Promise<Setting<T>> {
  return option(name, given) ?? (await find(knob)) ?? byDefault(fallback)
}

/** An endpoint goes before a mode, wherever the two come from. */
async function findEndpoints(
  options: CheckedOptions,
  find: Find,
): Promise<Pick<InstanceRoleConfig, 'endpoint' | 'alternativeEndpoint'>> {
  const given = option('endpoint', options.endpoint) ?? (await find(KNOBS.endpoint))
  if (given !== undefined)
    return { endpoint: given, alternativeEndpoint: { value: undefined, origin: given.origin } }
  const mode = await choose<EndpointMode>(
    'endpointMode',
    options.endpointMode,
    find,
    KNOBS.endpointMode,
    'ipv4',
  )
  const [first, second] = ENDPOINTS[mode.value]
  const { origin } = mode
  return { endpoint: { value: first, origin }, alternativeEndpoint: { value: second, origin } }
}

/** Only the option asks for IMDSv1; the environment and the file can only forbid it. */
async function findV1Fallback(options: CheckedOptions, find: Find): Promise<Setting<boolean>> {
  const asked = option('imdsV1Fallback', options.imdsV1Fallback)
  if (asked?.value !== true) return asked ?? byDefault(false)
  const disabled = await find(KNOBS.v1Disabled)
  return disabled?.value === true ? { value: false, origin: disabled.origin } : asked
}

async function findSetting<T>(
  knob: Knob<T>,
  env: ConfigSources['env'],
  loadProfile: () => Promise<Profile>,
): Promise<Setting<T> | undefined> {
  const variable = env[knob.variable]
  if (variable) return parseSetting(knob, variable, `environment variable ${knob.variable}`)
  const profile = await loadProfile()
  const text = profile.keys[knob.key]
  if (text) return parseSetting(knob, text, `config file key ${knob.key} of profile ${profile.name}`)
  return undefined
}

function parseSetting<T>(knob: Knob<T>, text: string, origin: Origin): Setting<T> {
  const value = knob.parse(text)
  if (value === undefined) throw badConfig(origin, `not ${knob.expected}`)
  return { value, origin }
}

function option<T>(name: string, value: T | undefined): Setting<T> | undefined {
  return value === undefined ? undefined : { value, origin: `option ${name}` }
}

function byDefault<T>(value: T): Setting<T> {
  return { value, origin: 'default' }
}

/**
 * Check a duration given to a call, in ms; `undefined` counts as absent.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`
 */
export function checkDuration(name: string, value: number | undefined): number | undefined {
  if (value === undefined || duration(value) !== undefined) return value
  throw badConfig(`option ${name}`, 'not a number of milliseconds, at least 0')
}

/** Names the setting, never its value: an endpoint, say, can have a password in it. */
function badConfig(what: string, problem: string): InstanceRoleError {
  return new InstanceRoleError('BAD_CONFIG', `The ${what} is ${problem}.`)
}

function parseBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  return word === 'true' || word === 'false' ? word === 'true' : undefined
}

/**
 * `.` and `..` would be steps in a path.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
function parseName(text: string): string | undefined {
  return /^(?!\.{1,2}$)[\w+=,.@-]{1,128}$/.test(text.trim()) ? text.trim() : undefined
}

function parseEndpointMode(text: string): EndpointMode | undefined {
  const mode = text.trim().toLowerCase()
  return mode === 'ipv4' || mode === 'ipv6' || mode === 'auto' ? mode : undefined
}

/** The URL without its trailing slashes, so that paths can follow. */
function parseEndpoint(text: string): string | undefined {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) return undefined
  if (url.username || url.password || url.search || url.hash) return undefined
  return url.origin + url.pathname.replace(/\/+$/, '')
}

function parseSeconds(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text.trim()) ? positiveDuration(Math.round(Number(text) * 1_000)) : undefined
}

function parseAttempts(text: string): number | undefined {
  return /^\d{1,9}$/.test(text.trim()) && Number(text) >= 1 ? Number(text) - 1 : undefined
}

function positiveDuration(value: unknown): number | undefined {
  return value === 0 ? undefined : duration(value)
}

function duration(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS ? value : undefined
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function ifBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

function ifText(parse: (text: string) => unknown): Check {
  return (value) => (typeof value === 'string' ? parse(value) : undefined)
}

function ifHas(...methods: readonly string[]): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null) return undefined
    return methods.every((name) => typeof Reflect.get(value, name) === 'function') ? value : undefined
  }
}
