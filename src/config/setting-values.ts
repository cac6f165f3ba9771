import { type ErrorHint, InstanceRoleError } from '../errors.js'
import { oneLine, parseUrl, quotable, withoutPassword } from '../runtime/plain-text.js'

/** How values of one kind are written in the environment and in the config file. */
export interface ValueGrammar<T> {
  /** Returns `undefined` if the text is malformed. */
  readonly parse: (text: string) => T | undefined
  /** What a correct value is, in the words of the error. */
  readonly expected: string
}

export type EndpointMode = 'ipv4' | 'ipv6' | 'auto'

/** The longest delay of a Node timer. */
export const MAX_DURATION_MS: number = 2 ** 31 - 1

export const BOOLEAN: ValueGrammar<boolean> = { parse: parseBoolean, expected: 'true or false' }

export const ROLE_NAME: ValueGrammar<string> = {
  parse: parseRoleName,
  expected: 'the name of a role (letters, digits and _+=,.@-)',
}

export const ENDPOINT: ValueGrammar<string> = {
  parse: parseEndpoint,
  expected: 'an http: or https: URL without user, query or fragment',
}

export const ENDPOINT_MODE: ValueGrammar<EndpointMode> = {
  parse: parseEndpointMode,
  expected: 'IPv4, IPv6 or auto',
}

/** Seconds in the text, milliseconds in the value. */
export const SECONDS: ValueGrammar<number> = { parse: parseSeconds, expected: 'a positive number of seconds' }

/** Attempts in the text, retries (one less) in the value. */
export const ATTEMPTS: ValueGrammar<number> = {
  parse: parseAttempts,
  expected: 'a whole number of attempts, at least 1',
}

/** An error that names the setting. `problem` ends the sentence. */
export function badConfig(what: string, problem: string, remedy?: ErrorHint): InstanceRoleError {
  const names = { variable: variableIn(what) }
  return new InstanceRoleError('BAD_CONFIG', `The ${what} is ${problem}.`, { names, remedy })
}

/** An error that names the setting, and its value unless that could be a password. */
export function badValue(what: string, value: unknown, expected: string): InstanceRoleError {
  const shown = show(value)
  return badConfig(what, shown === undefined ? `not ${expected}` : `${shown}, not ${expected}`)
}

const MAX_VALUE_LENGTH = 64

/** Text and numbers only: an object can hold anything. */
function show(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  const plain = typeof value === 'string' ? withoutPassword(oneLine(value)) : undefined
  const text = plain === undefined ? undefined : quotable(plain, MAX_VALUE_LENGTH)
  return text === undefined ? undefined : `"${text}"`
}

/** Returns the environment variable in the origin of a setting. */
export function variableIn(origin: string): string | undefined {
  return /^environment variable (\w+)$/.exec(origin)?.[1]
}

/** In ms, above 0. `undefined` for anything else. */
export function positiveDuration(value: unknown): number | undefined {
  return value === 0 ? undefined : duration(value)
}

/** In ms. `undefined` for anything else. */
export function duration(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS ? value : undefined
}

function parseBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  return word === 'true' || word === 'false' ? word === 'true' : undefined
}

/**
 * Refuses `.` and `..`, which are steps in a path.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
function parseRoleName(text: string): string | undefined {
  return /^(?!\.{1,2}$)[\w+=,.@-]{1,128}$/.test(text.trim()) ? text.trim() : undefined
}

function parseEndpointMode(text: string): EndpointMode | undefined {
  const mode = text.trim().toLowerCase()
  return mode === 'ipv4' || mode === 'ipv6' || mode === 'auto' ? mode : undefined
}

/** Returns the URL without trailing slashes, so that paths can follow. */
function parseEndpoint(text: string): string | undefined {
  const url = parseUrl(text.trim())
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) return undefined
  if (url.username || url.password || url.search || url.hash) return undefined
  // The user info of a URL whose password contains a slash.
  if (url.pathname.includes('@')) return undefined
  return url.origin + url.pathname.replace(/\/+$/, '')
}

function parseSeconds(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text.trim()) ? positiveDuration(Math.round(Number(text) * 1_000)) : undefined
}

function parseAttempts(text: string): number | undefined {
  return /^\d{1,9}$/.test(text.trim()) && Number(text) >= 1 ? Number(text) - 1 : undefined
}
