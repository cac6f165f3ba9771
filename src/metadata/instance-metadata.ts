import { HINTS, InstanceRoleError } from '../errors.js'
import { type Fields, parseFields } from '../runtime/json-fields.js'

/** The instance identity document. Fields that the instance does not have are absent. */
export interface IdentityDocument {
  /** The account that launched the instance. */
  readonly accountId: string
  /** For example `x86_64` or `arm64`. */
  readonly architecture: string
  /** For example `eu-central-1a`. */
  readonly availabilityZone: string
  /** The ID of the AMI, for example `ami-0123456789abcdef0`. */
  readonly imageId: string
  /** For example `i-0123456789abcdef0`. */
  readonly instanceId: string
  /** For example `m7g.large`. */
  readonly instanceType: string
  /** For example `eu-central-1`. */
  readonly region: string
  /** The private IPv4 address. */
  readonly privateIp?: string
  /** When the instance was launched, as ISO 8601 text. */
  readonly pendingTime?: string
  /** Version of the document's format. */
  readonly version?: string
}

/**
 * Returns the body that IMDS gave for `path`.
 *
 * @throws {InstanceRoleError} `METADATA_ABSENT` if there is none
 */
export function requireMetadata(body: string | undefined, path: string): string {
  if (body !== undefined) return body
  throw new InstanceRoleError('METADATA_ABSENT', `IMDS has nothing at ${path} (404).`, {
    step: 'metadata',
    statusCode: 404,
    remedy: path.includes('/tags/') ? HINTS.tags : undefined,
  })
}

/**
 * Parse a region, a zone or an instance ID: letters, digits and hyphens.
 *
 * @throws {InstanceRoleError} `BAD_RESPONSE`, which names the path
 */
export function parseIdentifier(body: string, path: string): string {
  const text = body.trim()
  if (/^[\w-]{1,64}$/.test(text)) return text
  const message = `The answer to GET ${path} is not a name of letters, digits and hyphens.`
  throw new InstanceRoleError('BAD_RESPONSE', message, { step: 'metadata' })
}

/**
 * Parse the body of `GET /latest/dynamic/instance-identity/document`.
 *
 * @throws {InstanceRoleError} `BAD_RESPONSE`, which names the field
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html
 */
export function parseIdentityDocument(body: string): IdentityDocument {
  const fields = parseFields(body)
  if (fields === undefined) throw malformed('is not a JSON object')
  const optional = (name: 'privateIp' | 'pendingTime' | 'version'): object => {
    const value = fields.get(name)
    return typeof value === 'string' ? { [name]: value } : {}
  }
  return {
    accountId: requireText(fields, 'accountId'),
    architecture: requireText(fields, 'architecture'),
    availabilityZone: requireText(fields, 'availabilityZone'),
    imageId: requireText(fields, 'imageId'),
    instanceId: requireText(fields, 'instanceId'),
    instanceType: requireText(fields, 'instanceType'),
    region: requireText(fields, 'region'),
    ...optional('privateIp'),
    ...optional('pendingTime'),
    ...optional('version'),
  }
}

function requireText(fields: Fields, name: string): string {
  const text = fields.text(name)
  if (text === '') throw malformed(`has no ${name}`)
  return text
}

function malformed(what: string): InstanceRoleError {
  return new InstanceRoleError('BAD_RESPONSE', `The instance identity document of IMDS ${what}.`, {
    step: 'metadata',
  })
}
