import type { Logger } from '@smithy/types'
import { isAbortSignal } from '../runtime/abort.js'
import type { ImdsDispatcher, InstanceRoleOptions } from './options.js'
import {
  badConfig,
  duration,
  ENDPOINT,
  ENDPOINT_MODE,
  type EndpointMode,
  positiveDuration,
  ROLE_NAME,
  type ValueGrammar,
} from './setting-values.js'

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
  readonly isolated?: boolean
  readonly logger?: Logger
  readonly dispatcher?: ImdsDispatcher
}

interface OptionCheck {
  /** What the option becomes; `undefined` where it is malformed. */
  readonly check: (value: unknown) => unknown
  /** What it should have been, for the error. */
  readonly expected: string
}

const POSITIVE_MS: OptionCheck = { check: positiveDuration, expected: 'a positive number of milliseconds' }
const MS: OptionCheck = { check: duration, expected: 'a number of milliseconds, at least 0' }
const BOOLEAN: OptionCheck = { check: ifBoolean, expected: 'true or false' }
const PROFILE = {
  parse: (text: string) => text.trim() || undefined,
  expected: 'the name of a profile of the config file',
}

/** One row an option. */
const OPTION_CHECKS: Readonly<
  Record<keyof InstanceRoleOptions, OptionCheck & { readonly as: keyof CheckedOptions }>
> = {
  roleName: { ...written(ROLE_NAME), as: 'roleName' },
  endpoint: { ...written(ENDPOINT), as: 'endpoint' },
  endpointMode: { ...written(ENDPOINT_MODE), as: 'endpointMode' },
  timeout: { ...POSITIVE_MS, as: 'timeoutMs' },
  deadline: { ...POSITIVE_MS, as: 'deadlineMs' },
  retries: { check: wholeNumber, expected: 'a whole number, at least 0', as: 'retries' },
  waitForRole: { ...MS, as: 'waitForRoleMs' },
  minTtl: { ...MS, as: 'minTtlMs' },
  imdsV1Fallback: { ...BOOLEAN, as: 'imdsV1Fallback' },
  accountId: { ...BOOLEAN, as: 'accountId' },
  profile: { ...written(PROFILE), as: 'profile' },
  isolated: { ...BOOLEAN, as: 'isolated' },
  logger: {
    check: ifHas('debug', 'info', 'warn', 'error'),
    expected: 'a logger with debug, info, warn and error',
    as: 'logger',
  },
  dispatcher: {
    check: ifHas('request'),
    expected: 'an undici dispatcher, which has a function `request`',
    as: 'dispatcher',
  },
}

const NOT_CALLED = 'the function fromInstanceRole itself: call it, `credentials: fromInstanceRole()`'

/**
 * Check the options of `fromInstanceRole`. One that is `undefined` counts as absent. The configuration of a client, which the AWS
 * SDK gives to a `credentialDefaultProvider`, has no options of ours: its `endpoint` is that of S3, for example.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`
 */
export function checkOptions(options: InstanceRoleOptions): CheckedOptions {
  if (!isRecord(options)) throw badConfig('options argument', 'not a plain object')
  if ('callerClientConfig' in options) throw badConfig('option credentials', NOT_CALLED)
  if ('parentClientConfig' in options) return {}
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const checked = given.map(([name, value]): [string, unknown] => {
    const row = Object.entries(OPTION_CHECKS).find(([known]) => known === name)?.[1]
    if (row === undefined) throw badConfig(`option ${name}`, 'unknown')
    const result = row.check(value)
    if (result === undefined) throw badConfig(`option ${name}`, `not ${row.expected}`)
    return [row.as, result]
  })
  return Object.fromEntries(checked)
}

/**
 * Check a duration given to a call, in ms; `undefined` counts as absent.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`
 */
export function checkDuration(name: string, value: number | undefined): number | undefined {
  if (value === undefined || MS.check(value) !== undefined) return value
  throw badConfig(`option ${name}`, `not ${MS.expected}`)
}

/**
 * Check a signal given to a call; `undefined` and `null` count as absent.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`
 */
export function checkAbortSignal(value: AbortSignal | null | undefined): AbortSignal | undefined {
  if (value === undefined || value === null) return undefined
  if (isAbortSignal(value)) return value
  throw badConfig('option abortSignal', 'not an AbortSignal')
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined
}

/** What has no members of its own is no set of options but `{}`: a promise that was not awaited, a `URL`, a `Map`. */
function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // By its shape: that of another realm is another object.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null
  return isPlain || Object.keys(value).length > 0
}

function ifBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** An option that is text has the grammar of its environment variable. */
function written({ parse, expected }: ValueGrammar<unknown>): OptionCheck {
  return { check: (value) => (typeof value === 'string' ? parse(value) : undefined), expected }
}

function ifHas(...methods: readonly string[]): OptionCheck['check'] {
  return (value) => {
    if (typeof value !== 'object' || value === null) return undefined
    return methods.every((name) => typeof Reflect.get(value, name) === 'function') ? value : undefined
  }
}
