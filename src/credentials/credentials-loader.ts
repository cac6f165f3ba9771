import { readAccountId } from './account-id.js'
import type { InstanceRoleConfig } from '../config/config.js'
import { variableIn } from '../config/setting-values.js'
import { HINTS, InstanceRoleError } from '../errors.js'
import { LoadTrace } from '../events/load-trace.js'
import { runLoad } from '../imds/imds-load.js'
import type { ImdsLoadOptions } from '../imds/imds-access.js'
import type { ImdsReader } from '../imds/imds-reader.js'
import type { Expiring } from '../refresh/refresh-schedule.js'
import { parseRoleCredentials, parseRoleName, type RoleCredentials } from './role-credentials.js'

/** The result of one load. Its `id` is the access key ID. */
export interface LoadedRole extends Expiring {
  readonly roleName: string
  readonly credentials: RoleCredentials
  /** How far the clock of IMDS was ahead of the host's. `undefined` if unknown. */
  readonly clockOffsetMs: number | undefined
}

type Tree = 'legacy' | 'extended'

const PATHS: Readonly<Record<Tree, string>> = {
  legacy: '/latest/meta-data/iam/security-credentials/',
  extended: '/latest/meta-data/iam/security-credentials-extended/',
}

/** Loads the credentials of the role that the configuration names, or else of the role that IMDS lists. */
export class CredentialsLoader {
  readonly #config: Pick<InstanceRoleConfig, 'roleName' | 'accountId'>
  /** The last discovered role. Absent if the configuration names the role. */
  discovered: string | undefined
  /** Which of the two trees has credentials. Absent until one of them returned some. */
  #tree: Tree | undefined
  /** The account of a role, if it did not come with the credentials. */
  #account: { readonly roleName: string; readonly id: string } | undefined

  constructor(config: Pick<InstanceRoleConfig, 'roleName' | 'accountId'>) {
    this.#config = config
  }

  /**
   * One load: metadata token, role name, credentials. No error quotes one of the `secrets`.
   *
   * @throws {InstanceRoleError} with `attempts`; or the reason of `options.signal`
   */
  async load(options: ImdsLoadOptions, secrets: readonly string[] = []): Promise<LoadedRole> {
    const { elapsed } = options.runtime
    const trace = new LoadTrace(options.endpoints.preferred, elapsed)
    const endsAt = elapsed() + options.deadlineMs
    try {
      const role = await runLoad(options, (imds) => trace.attempt(() => this.#tryOnce(imds, secrets)))
      const isComplete = !this.#config.accountId.value || role.credentials.accountId !== undefined
      const loaded = isComplete ? role : await this.#withAccountId(role, options, endsAt)
      trace.ended(loaded.roleName, loaded.credentials.expiration)
      return loaded
    } catch (error) {
      trace.failed(error)
      throw error
    }
  }

  async #withAccountId(role: LoadedRole, options: ImdsLoadOptions, endsAt: number): Promise<LoadedRole> {
    const { roleName, credentials } = role
    const isKnown = this.#account?.roleName === roleName
    const deadlineMs = endsAt - options.runtime.elapsed()
    const id = isKnown ? this.#account?.id : await readAccountId({ ...options, deadlineMs })
    if (id === undefined) return role
    this.#account = { roleName, id }
    return { ...role, credentials: { ...credentials, accountId: id } }
  }

  async #tryOnce(imds: ImdsReader, secrets: readonly string[]): Promise<LoadedRole> {
    const { roleName: configured } = this.#config
    const roleName = configured.value ?? this.discovered ?? (await this.#discover(imds))
    if (configured.value === undefined) this.discovered = roleName
    const { tree, body } = await this.#getFromTree(imds, roleName)
    if (body === undefined) {
      this.discovered = undefined
      throw configured.value === undefined
        ? vanishedRole(roleName, imds)
        : roleNotFound(roleName, configured.origin, imds)
    }
    const credentials = parseRoleCredentials(body, roleName, [...secrets, ...imds.secrets])
    this.#tree = tree
    return {
      roleName,
      credentials,
      id: credentials.accessKeyId,
      expiresAt: credentials.expiration.getTime(),
      issuedLifeMs: issuedLifeMs(credentials),
      clockOffsetMs: imds.clockOffsetMs,
    }
  }

  async #discover(imds: ImdsReader): Promise<string> {
    const { tree, body } = await this.#getFromTree(imds, '')
    if (body === undefined) {
      const message = `IMDS at ${imds.endpoint} lists no role (404): no instance profile is attached to this instance.`
      throw new InstanceRoleError('NO_ROLE', message, { step: 'role', statusCode: 404 })
    }
    if (tree === 'legacy') this.#tree = tree
    const name = parseRoleName(body)
    if (name !== undefined) return name
    const message = `IMDS at ${imds.endpoint} lists no role: the instance profile that is attached to this instance holds none.`
    throw new InstanceRoleError('NO_ROLE', message, { step: 'role', remedy: HINTS.emptyProfile })
  }

  /**
   * If an account ID is wanted, asks the extended tree first. Only a 404 there leads to the legacy tree, and only until one of the
   * two has answered. The AWS SDKs' shared test vectors require this (IMDS credentials provider, version 2.1).
   */
  async #getFromTree(imds: ImdsReader, name: string): Promise<{ tree: Tree; body: string | undefined }> {
    const step = name === '' ? 'role' : 'credentials'
    const tree = this.#config.accountId.value ? (this.#tree ?? 'extended') : 'legacy'
    const body = await imds.get(PATHS[tree] + name, step)
    if (body !== undefined || tree === 'legacy' || this.#tree !== undefined) return { tree, body }
    return { tree: 'legacy', body: await imds.get(PATHS.legacy + name, step) }
  }
}

/** Emulators can send any `LastUpdated`. EC2 issues no credentials that live shorter than this. */
const SHORTEST_LIFE_MS = 60_000

function issuedLifeMs({ expiration, lastUpdated = expiration }: RoleCredentials): number | undefined {
  const lifeMs = expiration.getTime() - lastUpdated.getTime()
  return lifeMs >= SHORTEST_LIFE_MS ? lifeMs : undefined
}

function vanishedRole(name: string, { endpoint }: ImdsReader): InstanceRoleError {
  const message = `IMDS at ${endpoint} lists the role ${name} but has no credentials for it (404): it was detached.`
  return new InstanceRoleError('NO_ROLE', message, { step: 'credentials', statusCode: 404 })
}

function roleNotFound(name: string, origin: string, { endpoint }: ImdsReader): InstanceRoleError {
  const message = `IMDS at ${endpoint} has no role ${name} (404), which the ${origin} names.`
  const names = { variable: variableIn(origin) }
  return new InstanceRoleError('ROLE_NOT_FOUND', message, { step: 'credentials', statusCode: 404, names })
}
