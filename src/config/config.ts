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
 * counts as unset.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`, naming the setting and where it came from
 */
export async function resolveConfig(
  options: CheckedOptions,
  sources: ConfigSources,
): Promise<InstanceRoleConfig> {
  const find = finderIn(sources)
  return resolveRest(options, find, await findDisabled(find))
}

/**
 * Like `resolveConfig`, but throws if IMDS is disabled, before any other setting is checked.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`, which names the setting and its origin; `IMDS_DISABLED_BY_ENV`
 */
export async function resolveEnabledConfig(
  options: CheckedOptions,
  sources: ConfigSources,
): Promise<InstanceRoleConfig> {
  const find = finderIn(sources)
  const disabled = await findDisabled(find)
  if (!disabled.value) return resolveRest(options, find, disabled)
  throw disabledBy(disabled.origin)
}

/** The error of a call that needs IMDS although it is disabled. */
export function disabledBy(origin: Origin): InstanceRoleError {
  const names = { variable: variableIn(origin) }
  return new InstanceRoleError('IMDS_DISABLED_BY_ENV', `The use of IMDS is disabled by the ${origin}.`, {
    names,
  })
}

/** Reads the config file at most once. */
function finderIn({ env, loadProfile }: ConfigSources): Find {
  let profile: Promise<Profile> | undefined
  return (setting) => findSetting(setting, env, () => (profile ??= loadProfile()))
}

async function findDisabled(find: Find): Promise<Setting<boolean>> {
  return (await find(NAMED_SETTINGS.disabled)) ?? byDefault(false)
}

async function resolveRest(
  options: CheckedOptions,
  find: Find,
  disabled: Setting<boolean>,
): Promise<InstanceRoleConfig> {
  const chosen = await choose(
    'timeout',
    options.timeoutMs,
    find,
    NAMED_SETTINGS.timeoutMs,
    DEFAULT_TIMEOUT_MS,
  )
  // At most half of the deadline, so that the first try ends before time is up.
  const timeoutMs = { ...chosen, value: Math.min(chosen.value, (options.deadlineMs ?? Infinity) / 2) }
  return {
    disabled,
    timeoutMs,
    deadlineMs: option('deadline', options.deadlineMs) ?? byDefault(defaultDeadlineMs(timeoutMs.value)),
    retries: await choose('retries', options.retries, find, NAMED_SETTINGS.retries, DEFAULT_RETRIES),
    roleName: await choose<string | undefined>(
      'roleName',
      options.roleName,
      find,
      NAMED_SETTINGS.roleName,
      undefined,
    ),
    ...(await findEndpoints(options, find)),
    imdsV1Fallback: await findV1Fallback(options, find),
    accountId: option('accountId', options.accountId) ?? byDefault(false),
  }
}

function defaultDeadlineMs(timeoutMs: number): number {
  return Math.min(Math.max(DEFAULT_DEADLINE_MS, DEADLINE_TIMEOUTS * timeoutMs), MAX_DURATION_MS)
}

type Find = <T>(setting: NamedSetting<T>) => Promise<Setting<T> | undefined>

async function choose<T>(
  name: string,
  given: T | undefined,
  find: Find,
  setting: NamedSetting<T>,
  fallback: T,
): Promise<Setting<T>> {
  return option(name, given) ?? (await find(setting)) ?? byDefault(fallback)
}

/** An endpoint beats a mode, wherever the two are set. */
async function findEndpoints(
  options: CheckedOptions,
  find: Find,
): Promise<Pick<InstanceRoleConfig, 'endpoint' | 'alternativeEndpoint'>> {
  const given = option('endpoint', options.endpoint) ?? (await find(NAMED_SETTINGS.endpoint))
  if (given !== undefined)
    return { endpoint: given, alternativeEndpoint: { value: undefined, origin: given.origin } }
  const mode = await choose<EndpointMode>(
    'endpointMode',
    options.endpointMode,
    find,
    NAMED_SETTINGS.endpointMode,
    'ipv4',
  )
  const [first, second] = ENDPOINTS[mode.value]
  const { origin } = mode
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
