import { randomBytes } from 'node:crypto'
import { InstanceRoleError } from '../errors.js'
import type { InstanceRoleOptions, InstanceRoleProvider, InstanceRoleState } from '../index.js'
import { UsageError } from './command.js'
import { CREDENTIALS_PATH } from './answer-credentials-request.js'
import { type ListenOptions, listenOnLoopback } from './listen-on-loopback.js'
import { promptCredentials } from './prompt-credentials.js'

/** The credentials of the role, served on loopback. */
export interface RoleServer extends AsyncDisposable {
  /** For `AWS_CONTAINER_CREDENTIALS_FULL_URI`. */
  readonly uri: string
  /** For `AWS_CONTAINER_AUTHORIZATION_TOKEN`. Every server has its own. */
  readonly token: string
}

/**
 * A provider refreshes only when it is called. An idle server calls it this often, so that it does not enter an outage of IMDS with
 * old credentials.
 */
const CALL_EVERY_MS = 30_000

/**
 * Serves the credentials of the role. Loads them at once and keeps them fresh.
 *
 * @throws {UsageError} for a malformed option; or the error of `listen`, for example `EADDRINUSE`
 */
export async function serveRole(
  options: Pick<InstanceRoleOptions, 'profile' | 'logger'>,
  where: ListenOptions,
): Promise<RoleServer> {
  const provider = await createProvider(options)
  const token = randomBytes(32).toString('base64url')
  const credentials = promptCredentials(provider)
  const state = (): InstanceRoleState => provider.status().state
  const server = await listenOnLoopback({ token, credentials, state }, where)
  const call = (): void => void credentials().catch(() => {})
  call()
  const timer = setInterval(call, CALL_EVERY_MS)
  return {
    uri: `http://127.0.0.1:${server.port}${CREDENTIALS_PATH}`,
    token,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await server.close()
      await provider.close()
    },
  }
}

async function createProvider(options: InstanceRoleOptions): Promise<InstanceRoleProvider> {
  // Loaded here, because other commands do not need it.
  const { fromInstanceRole } = await import('../provider/from-instance-role.js')
  try {
    return fromInstanceRole(options)
  } catch (error) {
    throw error instanceof InstanceRoleError ? new UsageError(error.message) : error
  }
}
