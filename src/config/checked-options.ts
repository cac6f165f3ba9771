import { isAbortSignal } from '../runtime/abort.js'
import { HINTS } from '../errors.js'
import { memberOf } from '../runtime/member-of.js'
import { cut, oneLine } from '../runtime/plain-text.js'
import type { InstanceRoleOptions } from './options.js'
import {
  badConfig,
  badValue,
  duration,
  ENDPOINT,
  ENDPOINT_MODE,
  type EndpointMode,
  positiveDuration,
  ROLE_NAME,
  type ValueGrammar,
} from './setting-values.js'

/** The options that were given, validated. Durations are in milliseconds. */
export interface CheckedOptions extends Omit<InstanceRoleOptions, 'endpointMode'> {
  readonly endpointMode?: EndpointMode
}

interface OptionCheck {
  /** Returns the checked value, or `undefined` if it is malformed. */
  readonly check: (value: unknown) => unknown
  /** What a correct value is, in the words of the error. */
  readonly expected: string
}

const POSITIVE_MS: OptionCheck = { check: positiveDuration, expected: 'a positive number of milliseconds' }
const MS: OptionCheck = { check: duration, expected: 'a number of milliseconds, at least 0' }
const BOOLEAN: OptionCheck = fitting((value) => typeof value === 'boolean', 'true or false')
const PROFILE = {
  parse: (text: string) => text.trim() || undefined,
  expected: 'the name of a profile of the config file',
}

const OPTION_CHECKS: Readonly<Record<keyof InstanceRoleOptions, OptionCheck>> = {
  roleName: written(ROLE_NAME),
  endpoint: written(ENDPOINT),
  endpointMode: written(ENDPOINT_MODE),
  timeout: POSITIVE_MS,
  deadline: POSITIVE_MS,
  retries: fitting((value) => Number.isInteger(value) && Number(value) >= 0, 'a whole number, at least 0'),
  waitForRole: MS,
  minTtl: MS,
  imdsV1Fallback: BOOLEAN,
  accountId: BOOLEAN,
  profile: written(PROFILE),
  isolated: BOOLEAN,
  logger: having('a logger with debug, info, warn and error', 'debug', 'info', 'warn', 'error'),
  dispatcher: having('an undici dispatcher, which has a function `request`', 'request'),
}

const V1_FALLBACK = 'IMDSv1 is never used here, unless `imdsV1Fallback` is true'

/** The names that AWS's own provider and SDK v2's `EC2MetadataCredentials` use for options that have another name here. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['maxRetries', 'it is called `retries` here'],
  ['ec2MetadataV1Disabled', V1_FALLBACK],
  ['disableFetchToken', V1_FALLBACK],
  [
    'httpOptions',
    'its `timeout` and `connectTimeout` are `timeout` here, its `proxy` and `agent` are `dispatcher`',
  ],
  ['connectTimeout', 'it is part of `timeout` here'],
  ['host', 'it is called `endpoint` here, and is a URL such as http://127.0.0.1:1338'],
  ['retryDelayOptions', 'the delays between retries are fixed here'],
  ['filename', 'it is the environment variable AWS_SHARED_CREDENTIALS_FILE here'],
])

/**
 * Check the options of `fromInstanceRole`. `undefined` counts as absent. A client's configuration, which the AWS SDK passes to a
 * `credentialDefaultProvider`, is accepted and ignored: its `endpoint` is that of S3, for example.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`
 */
export function checkOptions(options: InstanceRoleOptions): CheckedOptions {
  if (!isRecord(options)) throw badConfig('options argument', 'not a plain object')
  if ('callerClientConfig' in options)
    throw badConfig('option credentials', 'the function fromInstanceRole itself', HINTS.notCalled)
  if ('parentClientConfig' in options) return {}
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const checked = given.map(([name, value]): [string, unknown] => {
    const row = Object.entries(OPTION_CHECKS).find(([known]) => known === name)?.[1]
    if (row === undefined) throw unknownOption(name)
    const result = row.check(value)
    if (result === undefined) throw badValue(`option ${name}`, value, row.expected)
    return [name, result]
  })
  return Object.fromEntries(checked)
}

function unknownOption(name: string): Error {
  const known = `the options are ${Object.keys(OPTION_CHECKS).join(', ')}`
  return badConfig(`option ${cut(oneLine(name), 64)}`, `unknown: ${ELSEWHERE.get(name) ?? known}`)
}

/**
 * Check a duration of a call, in milliseconds. `undefined` counts as absent.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`
 */
export function checkDuration(name: string, value: number | undefined): number | undefined {
  if (value === undefined || MS.check(value) !== undefined) return value
  throw badValue(`option ${name}`, value, MS.expected)
}

/**
 * Check the signal of a call. `undefined` and `null` count as absent.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`
 */
export function checkAbortSignal(value: AbortSignal | null | undefined): AbortSignal | undefined {
  if (value === undefined || value === null) return undefined
  if (isAbortSignal(value)) return value
  throw badConfig('option abortSignal', 'not an AbortSignal')
}

/** Refuse objects without own members, except `{}`: a promise that was not awaited, a `URL`, a `Map`. */
function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // Compare by shape: objects from another realm (Jest) have another `Object.prototype`.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null
  return isPlain || Object.keys(value).length > 0
}

/** A text option is parsed as its environment variable is. */
function written({ parse, expected }: ValueGrammar<unknown>): OptionCheck {
  return { check: (value) => (typeof value === 'string' ? parse(value) : undefined), expected }
}

function having(expected: string, ...methods: readonly string[]): OptionCheck {
  return fitting((value) => methods.every((name) => typeof memberOf(value, name) === 'function'), expected)
}

function fitting(fits: (value: unknown) => boolean, expected: string): OptionCheck {
  return { check: (value) => (fits(value) ? value : undefined), expected }
}
