import { readAccountId } from './account-id.js'
import { HINTS, InstanceRoleError } from '../errors.js'
import { type ImdsLoadOptions, runLoad } from '../imds/imds-load.js'
import type { ImdsReader } from '../imds/imds-reader.js'
import { variableIn } from '../config/setting-values.js'
import { LoadTrace } from '../events/load-trace.js'
import type { Expiring } from '../refresh/refresh-schedule.js'
import { parseRoleCredentials, parseRoleName, type RoleCredentials } from './role-credentials.js'

/** What one load brings; its `id` is the access key ID. */
export interface LoadedRole extends Expiring {
  readonly roleName: string
  readonly credentials: RoleCredentials
  /** How far the clock of IMDS was ahead of the host's; `undefined` where its answer did not tell. */
  readonly clockOffsetMs: number | undefined
}

/** What is kept from one try, and from one load, to the next. */
export interface RoleMemory {
  /** The role that was discovered last; always absent where the role is named by configuration. */
  discovered?: string
  /** Which of the two trees has credentials; absent until one gave some. */
  tree?: Tree
  /** Of the role whose account IMDS gave apart from the credentials. */
  account?: { readonly roleName: string; readonly id: string }
}

/** What is asked for. */
export interface RoleRequest {
  /** The role's name by configuration; `undefined` to take the one that IMDS lists. */
  readonly roleName: string | undefined
  /** Where the configuration names it: words for an error. */
  readonly roleNameOrigin?: string
  /** Whether the account ID is wanted, from documents that have it, else from the instance profile. */
  readonly accountId: boolean
  /** What no error may quote: the keys that are held. */
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
 * @throws {InstanceRoleError} with `attempts`, or the reason of the options' signal
 */
export async function loadRoleCredentials(
  options: ImdsLoadOptions,
  request: RoleRequest,
  memory: RoleMemory,
): Promise<LoadedRole> {
  const trace = new LoadTrace(options.endpoints.preferred, options.runtime.elapsed)
  try {
    const startedAt = options.runtime.elapsed()
    const role = await runLoad(options, (imds) => traceTry(trace, () => tryOnce(imds, request, memory)))
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

async function traceTry<T>(trace: LoadTrace, work: () => Promise<T>): Promise<T> {
  trace.attempt()
  try {
    const result = await work()
    trace.attemptEnded()
    return result
  } catch (error) {
    trace.attemptEnded(error)
    throw error
  }
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
  const expiresAt = credentials.expiration.getTime()
  return {
    roleName,
    credentials,
    id: credentials.accessKeyId,
    expiresAt,
    issuedLifeMs: issuedLifeMs(credentials, expiresAt),
    clockOffsetMs: imds.clockOffsetMs,
  }
}

/** Emulators can give any `LastUpdated`: a life shorter than this is none of EC2's. */
const SHORTEST_LIFE_MS = 60_000

function issuedLifeMs({ lastUpdatedAt }: RoleCredentials, expiresAt: number): number | undefined {
  const lifeMs = lastUpdatedAt === undefined ? 0 : expiresAt - lastUpdatedAt
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
 * Asks the extended tree first where an account ID is wanted; until one of the two has answered, a 404 there, and nothing else,
 * leads to the legacy one. As the AWS SDKs' shared test vectors have it (IMDS credentials provider, version 2.1).
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
