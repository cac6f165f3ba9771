import { InstanceRoleError } from '../errors.js'
import { type Fields, parseFields } from '../runtime/json-fields.js'
import { parseLines, quotable } from '../runtime/plain-text.js'

/** The credentials of a role, with the AWS SDK's field names. */
export interface RoleCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: Date
  readonly accountId?: string | undefined
  /** When the credentials were issued. `undefined` if IMDS does not say. */
  readonly lastUpdated?: Date | undefined
}

/** A time zone is required: `Date` would assume the host's. Microseconds are accepted. */
const ISO_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$/

/**
 * A role's name, path or ARN. It is put in the request's path unencoded, because servers that emulate IMDS do not decode it. `.`
 * and `..` are refused: they are steps of a path.
 */
const ROLE_NAME = /^(?!(.*\/)?\.{1,2}(\/|$))[\w+=,.@:/-]+$/

/** Longer than any role name (64) or ARN, shorter than a page of HTML. */
const MAX_ROLE_NAME_LENGTH = 256

/**
 * Parse the body of `GET /latest/meta-data/iam/security-credentials/`. The role's name is on the first non-empty line. Returns
 * `undefined` if there is none: the instance profile has no role.
 *
 * @throws {InstanceRoleError} `BAD_RESPONSE`
 */
export function parseRoleName(listing: string): string | undefined {
  const [name] = parseLines(listing)
  if (name === undefined) return undefined
  if (name.length > MAX_ROLE_NAME_LENGTH || !ROLE_NAME.test(name)) {
    const message = 'The role listing of IMDS is not a role name.'
    throw new InstanceRoleError('BAD_RESPONSE', message, { step: 'role' })
  }
  return name
}

/**
 * Parse the body of `GET /latest/meta-data/iam/security-credentials/<role-name>`. Unknown fields are ignored. If the document has
 * no credentials, the error quotes its `Message`, unless that contains one of the `secrets`.
 *
 * @throws {InstanceRoleError} `BAD_RESPONSE`, `ROLE_NOT_ASSUMABLE`, `CREDENTIALS_NOT_ISSUED`
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
export function parseRoleCredentials(
  body: string,
  roleName: string,
  secrets: readonly string[] = [],
): RoleCredentials {
  const fields = parseFields(body)
  if (fields === undefined) throw malformed('is not a JSON object')
  requireSuccess(fields, roleName, secrets)
  return {
    accessKeyId: requireString(fields, 'AccessKeyId'),
    secretAccessKey: requireString(fields, 'SecretAccessKey'),
    sessionToken: requireString(fields, 'Token'),
    expiration: requireInstant(fields, 'Expiration'),
    // Empty counts as absent.
    accountId: fields.text('AccountId') || undefined,
    // Emulators send any text here. A malformed one counts as absent.
    lastUpdated: parseInstant(fields.text('LastUpdated')),
  }
}

/** Emulators omit `Code`, so only another `Code` than `Success` is a failure. */
function requireSuccess(fields: Fields, roleName: string, secrets: readonly string[]): void {
  if (fields.get('Code') === undefined) return
  const word = fields.text('Code')
  if (word.toLowerCase() === 'success') return
  const details = { step: 'credentials', names: { roleName }, said: saidBy(fields, secrets) } as const
  if (word.toLowerCase() === 'assumeroleunauthorizedaccess') {
    const message = `The trust policy of the role ${roleName} does not let EC2 assume it (AssumeRoleUnauthorizedAccess).`
    throw new InstanceRoleError('ROLE_NOT_ASSUMABLE', message, details)
  }
  const why = /^[A-Za-z]{1,64}$/.test(word) ? ` (${word})` : ''
  const message = `IMDS has the role ${roleName}, but no credentials for it${why}.`
  throw new InstanceRoleError('CREDENTIALS_NOT_ISSUED', message, details)
}

/** AWS's messages consist of one sentence and a link. */
const MAX_MESSAGE_LENGTH = 300

/** Returns the `Message` of IMDS if it may be quoted: the document can contain keys, and its message can repeat them. */
function saidBy(fields: Fields, secrets: readonly string[]): string | undefined {
  const message = fields.text('Message')
  if (message.trim() === '') return undefined
  const own = ['AccessKeyId', 'SecretAccessKey', 'Token'].map((name) => fields.text(name))
  return quotable(message, MAX_MESSAGE_LENGTH, [...secrets, ...own])?.replace(/\.$/, '')
}

function requireString(fields: Fields, name: string): string {
  if (fields.get(name) === undefined) throw malformed(`has no ${name}`)
  const text = fields.text(name)
  if (text.trim() === '') throw malformed(`has an empty or non-text ${name}`)
  return text
}

function requireInstant(fields: Fields, name: string): Date {
  const instant = parseInstant(requireString(fields, name))
  if (instant === undefined) throw malformed(`has an unreadable ${name}`)
  return instant
}

/**
 * Returns `undefined` for a malformed date: an invalid `Date` is neither before nor after any other, so the credentials would never
 * expire.
 */
function parseInstant(text: string): Date | undefined {
  const instant = new Date(text)
  if (!ISO_INSTANT.test(text) || Number.isNaN(instant.getTime())) return undefined
  return isOnCalendar(text.slice(0, 10)) ? instant : undefined
}

/** `Date` reads 30 February as 2 March. */
function isOnCalendar(day: string): boolean {
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
}

function malformed(what: string): InstanceRoleError {
  const message = `The credentials document of IMDS ${what}.`
  return new InstanceRoleError('BAD_RESPONSE', message, { step: 'credentials' })
}
