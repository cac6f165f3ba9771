import type { DeliveredRole, IssuedCredentials } from './credentials-renewal.js'
import type { InstanceProfile } from './iam-model.js'

/** A node of the metadata: a leaf with text, or with a function that returns it, or a directory. */
export type MetadataNode = string | (() => string) | MetadataDirectory

export interface MetadataDirectory {
  readonly [name: string]: MetadataNode
}

/** The facts about an instance that IMDS shows. */
export interface InstanceFacts {
  readonly instanceId: string
  readonly instanceType: string
  readonly imageId: string
  readonly region: string
  readonly availabilityZone: string
  readonly accountId: string
  readonly privateIp: string
  readonly mac: string
  readonly tags: Readonly<Record<string, string>>
  readonly userData?: string
  readonly launchedAt: number
  readonly extendedCredentials: boolean
}

/** The associated instance profile, and what EC2 has for its role. */
export interface Association {
  readonly profile: InstanceProfile
  readonly delivered: DeliveredRole | undefined
}

/** The versions that IMDS lists at `/`. All of them serve the same here. */
const VERSIONS = ['1.0', '2007-01-19', '2011-01-01', '2014-02-25', '2016-09-02', '2021-01-03', 'latest']

/** Returns the text at `path`: a leaf, or the listing of a directory. `undefined` if IMDS has nothing there. */
export function lookUp(root: MetadataDirectory, path: string): string | undefined {
  if (path === '/') return VERSIONS.join('\n')
  const [, version = '', ...names] = path.split('/').map(decodeName)
  if (!VERSIONS.includes(version)) return undefined
  const isDirectoryPath = names.at(-1) === ''
  const node = descend(root, isDirectoryPath ? names.slice(0, -1) : names)
  if (isDirectory(node)) return listingOf(node)
  if (isDirectoryPath) return undefined
  return typeof node === 'function' ? node() : node
}

function isDirectory(node: MetadataNode | undefined): node is MetadataDirectory {
  return typeof node === 'object'
}

function descend(root: MetadataDirectory, names: readonly string[]): MetadataNode | undefined {
  let node: MetadataNode | undefined = root
  for (const name of names) {
    if (!isDirectory(node)) return undefined
    node = Object.hasOwn(node, name) ? node[name] : undefined
  }
  return node
}

function listingOf(directory: MetadataDirectory): string {
  const lines = Object.entries(directory).map(([name, node]) => (isDirectory(node) ? `${name}/` : name))
  return lines.sort().join('\n')
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/**
 * Returns the names in `path`, starting below the version. `path` is a whole path such as `/latest/user-data`, or one below
 * `/latest/meta-data/`.
 *
 * @throws RangeError for a path that IMDS cannot have: with an empty name, or below an unknown version
 */
export function parseMetadataPath(path: string): readonly string[] {
  const [, version, ...rest] = path.split('/')
  const names = path.startsWith('/') ? rest : ['meta-data', ...path.split('/')]
  const isKnown = !path.startsWith('/') || (version !== undefined && VERSIONS.includes(version))
  if (isKnown && names.length > 0 && !names.includes('')) return names
  throw new RangeError(`There is no metadata path ${JSON.stringify(path)}`)
}

/** Returns the directory with `text` at the given names. It replaces what was there. */
export function withText(
  directory: MetadataDirectory,
  [name, ...names]: readonly string[],
  text: string,
): MetadataDirectory {
  if (name === undefined) return directory
  if (names.length === 0) return { ...directory, [name]: text }
  const there = descend(directory, [name])
  return { ...directory, [name]: withText(isDirectory(there) ? there : {}, names, text) }
}

/** Everything below `/latest/`. */
export function metadataRoot(facts: InstanceFacts, association: Association | undefined): MetadataDirectory {
  return {
    dynamic: { 'instance-identity': { document: () => identityDocument(facts) } },
    'meta-data': {
      ...instanceNodes(facts),
      ...networkNodes(facts),
      placement: {
        'availability-zone': facts.availabilityZone,
        region: facts.region,
      },
      services: { domain: 'amazonaws.com', partition: 'aws' },
      ...(Object.keys(facts.tags).length > 0 && { tags: { instance: facts.tags } }),
      ...(association && { iam: iamNodes(association, facts) }),
    },
    ...(facts.userData !== undefined && { 'user-data': facts.userData }),
  }
}

function instanceNodes(facts: InstanceFacts): MetadataDirectory {
  return {
    'ami-id': facts.imageId,
    'ami-launch-index': '0',
    'ami-manifest-path': '(unknown)',
    'block-device-mapping': { ami: '/dev/xvda', root: '/dev/xvda' },
    'instance-action': 'none',
    'instance-id': facts.instanceId,
    'instance-life-cycle': 'on-demand',
    'instance-type': facts.instanceType,
    profile: 'default-hvm',
    'reservation-id': `r-${facts.instanceId.slice(2)}`,
    'security-groups': 'default',
    system: 'nitro',
  }
}

function networkNodes({ privateIp, mac, region }: InstanceFacts): MetadataDirectory {
  const hostname = `ip-${privateIp.replaceAll('.', '-')}.${region}.compute.internal`
  const onInterface = { 'device-number': '0', 'local-hostname': hostname, 'local-ipv4s': privateIp, mac }
  return {
    hostname,
    'local-hostname': hostname,
    'local-ipv4': privateIp,
    mac,
    network: { interfaces: { macs: { [mac]: onInterface } } },
  }
}

/** The `iam` directory, which exists only while a profile is associated. */
function iamNodes({ profile, delivered }: Association, facts: InstanceFacts): MetadataDirectory {
  const updatedAt = delivered?.credentials?.issuedAt ?? facts.launchedAt
  const documents = (extended: boolean): MetadataDirectory =>
    delivered ? { [delivered.role.name]: () => credentialsDocument(delivered, updatedAt, extended) } : {}
  return {
    info: () => infoDocument(profile, delivered !== undefined, updatedAt),
    'security-credentials': documents(false),
    ...(facts.extendedCredentials && { 'security-credentials-extended': documents(true) }),
  }
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html (for a profile without a role) */
function infoDocument(profile: InstanceProfile, containsRole: boolean, updatedAt: number): string {
  return toJson({
    Code: 'Success',
    ...(!containsRole && { Message: 'Instance Profile does not contain a role.' }),
    LastUpdated: instant(updatedAt),
    InstanceProfileArn: profile.arn,
    InstanceProfileId: profile.id,
  })
}

function credentialsDocument(delivered: DeliveredRole, updatedAt: number, extended: boolean): string {
  const { role, credentials } = delivered
  if (credentials === undefined) return unauthorizedDocument(role.name, updatedAt)
  return successDocument(credentials, extended ? { AccountId: credentials.accountId } : {})
}

function successDocument(
  credentials: IssuedCredentials,
  extension: Readonly<Record<string, string>>,
): string {
  return toJson({
    Code: 'Success',
    LastUpdated: instant(credentials.issuedAt),
    Type: 'AWS-HMAC',
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: instant(credentials.expiration.getTime()),
    ...extension,
  })
}

/** @see https://github.com/aws/aws-cli/issues/2060 (the document as an instance showed it) */
function unauthorizedDocument(roleName: string, updatedAt: number): string {
  const help = 'http://docs.amazonwebservices.com/IAM/latest/UserGuide/RolesTroubleshooting.html'
  return toJson({
    Code: 'AssumeRoleUnauthorizedAccess',
    Message: `EC2 cannot assume the role ${roleName}.  Please see documentation at ${help}.`,
    LastUpdated: instant(updatedAt),
  })
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html */
function identityDocument(facts: InstanceFacts): string {
  return toJson({
    accountId: facts.accountId,
    architecture: 'x86_64',
    availabilityZone: facts.availabilityZone,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: null,
    imageId: facts.imageId,
    instanceId: facts.instanceId,
    instanceType: facts.instanceType,
    kernelId: null,
    pendingTime: instant(facts.launchedAt),
    privateIp: facts.privateIp,
    ramdiskId: null,
    region: facts.region,
    version: '2017-09-30',
  })
}

/** Formats JSON as IMDS does: indented by two spaces, with a space before each colon. */
function toJson(document: Readonly<Record<string, string | null>>): string {
  const members = Object.entries(document).map(([name, value]) => `  "${name}" : ${JSON.stringify(value)}`)
  return `{\n${members.join(',\n')}\n}`
}

/** Formats an instant as IMDS does: UTC, without fractions of a second. */
function instant(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}
