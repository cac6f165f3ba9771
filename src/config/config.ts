import type { CheckedOptions } from './checked-options.js'
import { InstanceRoleError } from '../errors.js'
import { badValue, type EndpointMode, MAX_DURATION_MS, variableIn } from './setting-values.js'
import { NAMED_SETTINGS, type NamedSetting } from './variables-and-keys.js'

/** Where a setting comes from: `option timeout`, `environment variable AWS_…`, `… of profile …`, `default`. */
export type Origin = string

/** A value and its origin. */
export interface Setting<T> {
  readonly value: T
  readonly origin: Origin
}

/** All settings, resolved. */
export interface InstanceRoleConfig {
  readonly disabled: Setting<boolean>
  readonly roleName: Setting<string | undefined>
  readonly endpoint: Setting<string>
  /** The endpoint to try as well if the first one does not answer at once. */
  readonly alternativeEndpoint: Setting<string | undefined>
  readonly timeoutMs: Setting<number>
  readonly deadlineMs: Setting<number>
  readonly retries: Setting<number>
  readonly imdsV1Fallback: Setting<boolean>
  readonly accountId: Setting<boolean>
}

/** Where settings come from, besides the options. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Loads one profile of the config file. Called only if the options and the environment leave a setting open. */
  readonly loadProfile: () => Promise<Profile>
}

/** One profile, merged from both files. */
export interface Profile {
  readonly name: string
  readonly keys: Readonly<Record<string, string | undefined>>
}

type Sections = Readonly<Record<string, Readonly<Record<string, string | undefined>>>>

/** The sections of both files. */
export interface ConfigFiles {
  readonly configFile: Sections
  readonly credentialsFile: Sections
  /** Why a file cannot be used, in whole sentences. */
  readonly warnings?: readonly string[]
}

export const IPV4_ENDPOINT: string = 'http://169.254.169.254'
export const IPV6_ENDPOINT: string = 'http://[fd00:ec2::254]'

/** The addresses of IMDS for each mode, in the order in which they are tried. */
const ENDPOINTS: Readonly<Record<EndpointMode, readonly [string, string?]>> = {
  ipv4: [IPV4_ENDPOINT],
  ipv6: [IPV6_ENDPOINT],
  auto: [IPV4_ENDPOINT, IPV6_ENDPOINT],
}

const DEFAULT_TIMEOUT_MS = 1_000
const DEFAULT_DEADLINE_MS = 10_000
/** The default `deadline` leaves room for four exchanges that time out. */
const DEADLINE_TIMEOUTS = 4
const DEFAULT_RETRIES = 3

/**
 * Resolve every setting: the option, else the environment variable, else the config file key, else the default. An empty variable
 * counts as unset. If IMDS is disabled, no other setting is checked, unless `evenIfDisabled`.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`, which names the setting and its origin; `IMDS_DISABLED_BY_ENV`
 */
export async function resolveConfig(
  options: CheckedOptions,
  { env, loadProfile }: ConfigSources,
  evenIfDisabled = false,
): Promise<InstanceRoleConfig> {
  let profile: Promise<Profile> | undefined
  const find: Find = async (setting, given) =>
    given ?? findSetting(setting, env, () => (profile ??= loadProfile()))
  const disabled = (await find(NAMED_SETTINGS.disabled)) ?? byDefault(false)
  if (disabled.value && !evenIfDisabled) throw disabledBy(disabled.origin)
  const { retries, roleName, accountId } = options
  return {
    disabled,
    ...(await findLimits(options, find)),
    retries: (await find(NAMED_SETTINGS.retries, option('retries', retries))) ?? byDefault(DEFAULT_RETRIES),
    roleName: (await find(NAMED_SETTINGS.roleName, option('roleName', roleName))) ?? byDefault(undefined),
    ...(await findEndpoints(options, find)),
    imdsV1Fallback: await findV1Fallback(options, find),
    accountId: option('accountId', accountId) ?? byDefault(false),
  }
}

/** The error of a call that needs IMDS although it is disabled. */
export function disabledBy(origin: Origin): InstanceRoleError {
  const names = { variable: variableIn(origin) }
  return new InstanceRoleError('IMDS_DISABLED_BY_ENV', `The use of IMDS is disabled by the ${origin}.`, {
    names,
  })
}

/** Returns what is `given`, else what the environment or the config file says. */
type Find = <T>(setting: NamedSetting<T>, given?: Setting<T>) => Promise<Setting<T> | undefined>

async function findLimits(
  { timeout, deadline }: CheckedOptions,
  find: Find,
): Promise<Pick<InstanceRoleConfig, 'timeoutMs' | 'deadlineMs'>> {
  const asked =
    (await find(NAMED_SETTINGS.timeoutMs, option('timeout', timeout))) ?? byDefault(DEFAULT_TIMEOUT_MS)
  // At most half of the deadline, so that the first try ends before time is up.
  const timeoutMs = { ...asked, value: Math.min(asked.value, (deadline ?? Infinity) / 2) }
  const leastMs = Math.max(DEFAULT_DEADLINE_MS, DEADLINE_TIMEOUTS * timeoutMs.value)
  const deadlineMs = option('deadline', deadline) ?? byDefault(Math.min(leastMs, MAX_DURATION_MS))
  return { timeoutMs, deadlineMs }
}

/** An endpoint beats a mode, wherever the two are set. */
async function findEndpoints(
  options: CheckedOptions,
  find: Find,
): Promise<Pick<InstanceRoleConfig, 'endpoint' | 'alternativeEndpoint'>> {
  const endpoint = await find(NAMED_SETTINGS.endpoint, option('endpoint', options.endpoint))
  if (endpoint !== undefined) return { endpoint, alternativeEndpoint: { ...endpoint, value: undefined } }
  const mode = await find(NAMED_SETTINGS.endpointMode, option('endpointMode', options.endpointMode))
  const { value, origin } = mode ?? byDefault<EndpointMode>('ipv4')
  const [first, second] = ENDPOINTS[value]
  return { endpoint: { value: first, origin }, alternativeEndpoint: { value: second, origin } }
}

/** Only the option enables IMDSv1. The environment and the file can only forbid it. */
async function findV1Fallback(options: CheckedOptions, find: Find): Promise<Setting<boolean>> {
  const asked = option('imdsV1Fallback', options.imdsV1Fallback)
  if (asked?.value !== true) return asked ?? byDefault(false)
  const disabled = await find(NAMED_SETTINGS.v1Disabled)
  return disabled?.value === true ? { value: false, origin: disabled.origin } : asked
}

async function findSetting<T>(
  setting: NamedSetting<T>,
  env: ConfigSources['env'],
  loadProfile: () => Promise<Profile>,
): Promise<Setting<T> | undefined> {
  const variable = env[setting.variable]
  if (variable) return parseSetting(setting, variable, `environment variable ${setting.variable}`)
  const profile = await loadProfile()
  const text = profile.keys[setting.key]
  if (text) return parseSetting(setting, text, `config file key ${setting.key} of profile ${profile.name}`)
  return undefined
}

function parseSetting<T>(setting: NamedSetting<T>, text: string, origin: Origin): Setting<T> {
  const value = setting.parse(text)
  if (value === undefined) throw badValue(origin, text, setting.expected)
  return { value, origin }
}

function option<T>(name: string, value: T | undefined): Setting<T> | undefined {
  return value === undefined ? undefined : { value, origin: `option ${name}` }
}

function byDefault<T>(value: T): Setting<T> {
  return { value, origin: 'default' }
}

/** Whether a setting has its default value. */
export function isByDefault({ origin }: Setting<unknown>): boolean {
  return origin === 'default'
}

/** The values of all settings. Equal configurations have equal values. */
export function valuesOf(config: InstanceRoleConfig): readonly unknown[] {
  return Object.values<Setting<unknown>>({ ...config }).map(({ value }) => value ?? null)
}
