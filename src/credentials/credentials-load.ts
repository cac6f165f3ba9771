import { readAccountId } from './account-id.js'
import { HINTS, InstanceRoleError } from '../errors.js'
import { type ImdsLoadOptions, runLoad } from '../imds/imds-load.js'
import type { ImdsReader } from '../imds/imds-reader.js'
import { variableIn } from '../config/setting-values.js'
import { LoadTrace } from '../events/load-trace.js'
import type { Expiring } from '../refresh/refresh-schedule.js'
import { parseRoleCredentials, parseRoleName, type RoleCredentials } from './role-credentials.js'

/** The result of one load. Its `id` is the access key ID. */
export interface LoadedRole extends Expiring {
  readonly roleName: string
  readonly credentials: RoleCredentials
  /** How far the clock of IMDS was ahead of the host's. `undefined` if unknown. */
  readonly clockOffsetMs: number | undefined
}

/** What later tries and loads remember. */
export interface RoleMemory {
  /** The last discovered role. Absent if the configuration names the role. */
  discovered?: string
  /** Which of the two trees has credentials. Absent until one of them returned some. */
  tree?: Tree
  /** The account of a role, if it did not come with the credentials. */
  account?: { readonly roleName: string; readonly id: string }
}

/** What to load. */
export interface RoleRequest {
  /** The role that the configuration names, or `undefined` to use the role that IMDS lists. */
  readonly roleName: string | undefined
  /** Where the role is configured, in the words of an error. */
  readonly roleNameOrigin?: string
  /** Whether to load the account ID: from the extended credentials, otherwise from the instance profile. */
  readonly accountId: boolean
  /** The cached keys, which no error may quote. */
  readonly secrets?: readonly string[]
}

type Tree = 'legacy' | 'extended'

const PATHS: Readonly<Record<Tree, string>> = {
  legacy: '/latest/meta-data/iam/security-credentials/',
  extended: '/latest/meta-data/iam/security-credentials-extended/',
}

/**
 * One load: metadata token, role name, credentials.
 *
 * @throws {InstanceRoleError} with `attempts`; or the reason of `options.signal`
 */
export async function loadRoleCredentials(
  options: ImdsLoadOptions,
  request: RoleRequest,
  memory: RoleMemory,
): Promise<LoadedRole> {
  const trace = new LoadTrace(options.endpoints.preferred, options.runtime.elapsed)
  try {
    const startedAt = options.runtime.elapsed()
    const role = await runLoad(options, (imds) => trace.attempt(() => tryOnce(imds, request, memory)))
    const leftMs = options.deadlineMs - (options.runtime.elapsed() - startedAt)
    const loaded = request.accountId ? await withAccountId(role, options, leftMs, memory) : role
    trace.ended(loaded.roleName, loaded.credentials.expiration)
    return loaded
  } catch (error) {
    trace.failed(error)
    throw error
  }
}

async function withAccountId(
  role: LoadedRole,
  options: ImdsLoadOptions,
  leftMs: number,
  memory: RoleMemory,
): Promise<LoadedRole> {
  const { roleName, credentials } = role
  if (credentials.accountId !== undefined) return role
  const isKnown = memory.account?.roleName === roleName
  const id = isKnown ? memory.account?.id : await readAccountId(options, leftMs)
  if (id === undefined) return role
  memory.account = { roleName, id }
  return { ...role, credentials: { ...credentials, accountId: id } }
}

async function tryOnce(imds: ImdsReader, request: RoleRequest, memory: RoleMemory): Promise<LoadedRole> {
  const roleName = request.roleName ?? memory.discovered ?? (await discoverRole(imds, request, memory))
  if (request.roleName === undefined) memory.discovered = roleName
  const { tree, body } = await getFromTree(imds, roleName, request, memory)
  if (body === undefined) {
    delete memory.discovered
    throw request.roleName === undefined
      ? vanishedRole(roleName, imds)
      : roleNotFound(roleName, request, imds)
  }
  const credentials = parseRoleCredentials(body, roleName, [...(request.secrets ?? []), ...imds.secrets])
  memory.tree = tree
  return {
    roleName,
    credentials,
    id: credentials.accessKeyId,
    expiresAt: credentials.expiration.getTime(),
    issuedLifeMs: issuedLifeMs(credentials),
    clockOffsetMs: imds.clockOffsetMs,
  }
}

/** Emulators can send any `LastUpdated`. EC2 issues no credentials that live shorter than this. */
const SHORTEST_LIFE_MS = 60_000

function issuedLifeMs({ expiration, lastUpdated = expiration }: RoleCredentials): number | undefined {
  const lifeMs = expiration.getTime() - lastUpdated.getTime()
  return lifeMs >= SHORTEST_LIFE_MS ? lifeMs : undefined
}

async function discoverRole(imds: ImdsReader, request: RoleRequest, memory: RoleMemory): Promise<string> {
  const { tree, body } = await getFromTree(imds, '', request, memory)
  if (body === undefined) {
    const message = `IMDS at ${imds.endpoint} lists no role (404): no instance profile is attached to this instance.`
    throw new InstanceRoleError('NO_ROLE', message, { step: 'role', statusCode: 404 })
  }
  if (tree === 'legacy') memory.tree = tree
  const name = parseRoleName(body)
  if (name !== undefined) return name
  const message = `IMDS at ${imds.endpoint} lists no role: the instance profile that is attached to this instance holds none.`
  throw new InstanceRoleError('NO_ROLE', message, { step: 'role', remedy: HINTS.emptyProfile })
}

/**
 * If an account ID is wanted, asks the extended tree first. Only a 404 there leads to the legacy tree, and only until one of the
 * two has answered. The AWS SDKs' shared test vectors require this (IMDS credentials provider, version 2.1).
 */
async function getFromTree(
  imds: ImdsReader,
  name: string,
  { accountId }: RoleRequest,
  memory: RoleMemory,
): Promise<{ tree: Tree; body: string | undefined }> {
  const step = name === '' ? 'role' : 'credentials'
  const tree = accountId ? (memory.tree ?? 'extended') : 'legacy'
  const body = await imds.get(PATHS[tree] + name, step)
  if (body !== undefined || tree === 'legacy' || memory.tree !== undefined) return { tree, body }
  return { tree: 'legacy', body: await imds.get(PATHS.legacy + name, step) }
}

function vanishedRole(name: string, { endpoint }: ImdsReader): InstanceRoleError {
  const message = `IMDS at ${endpoint} lists the role ${name} but has no credentials for it (404): it was detached.`
  return new InstanceRoleError('NO_ROLE', message, { step: 'credentials', statusCode: 404 })
}

function roleNotFound(name: string, request: RoleRequest, { endpoint }: ImdsReader): InstanceRoleError {
  const { roleNameOrigin: origin = 'configuration' } = request
  const message = `IMDS at ${endpoint} has no role ${name} (404), which the ${origin} names.`
  const names = { variable: variableIn(origin) }
  return new InstanceRoleError('ROLE_NOT_FOUND', message, { step: 'credentials', statusCode: 404, names })
}
