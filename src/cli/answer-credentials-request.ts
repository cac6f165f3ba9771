import { createHash, timingSafeEqual } from 'node:crypto'
import { InstanceRoleError, treatmentOf } from '../errors.js'
import type { InstanceRoleCredentials, InstanceRoleState } from '../index.js'

/** A request as the server received it. */
export interface ReceivedRequest {
  readonly method: string
  /** The request target, not decoded, for example `/credentials`. */
  readonly target: string
  /** All values of each header, by lower-case name. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>
}

/** A response. Its body is always JSON. */
export interface Reply {
  readonly status: number
  readonly body: string
  /** In addition to those that every response has. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What the endpoint serves, and to which clients. */
export interface CredentialsEndpoint {
  readonly token: string
  /** The values of `Host` for this server, in lower case. */
  readonly hosts: ReadonlySet<string>
  /** Returns the credentials, or `undefined` if IMDS has not answered yet. */
  readonly credentials: () => Promise<InstanceRoleCredentials | undefined>
  readonly state: () => InstanceRoleState
}

/** Closes the connection after a refusal, so that no second request can hide in an unread body. */
const CLOSE = { Connection: 'close' }

export const CREDENTIALS_PATH = '/credentials'
const HEALTH_PATH = '/healthz'

/**
 * Answers one request of the container credentials protocol. Never rejects.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
export async function answer(request: ReceivedRequest, endpoint: CredentialsEndpoint): Promise<Reply> {
  const refusal = refuse(request, endpoint.hosts)
  if (refusal !== undefined) return refusal
  if (request.target === HEALTH_PATH) return reportHealth(endpoint.state())
  if (!holdsToken(request, endpoint.token)) return WRONG_TOKEN
  try {
    return giveCredentials(await endpoint.credentials())
  } catch (error) {
    return explain(error)
  }
}

/** Headers that web pages and proxies add to requests, and AWS SDKs never do. */
const FOREIGN_HEADERS = ['origin', 'sec-fetch-site', 'x-forwarded-for', 'forwarded', 'via']

/** Refusals that do not depend on the token. */
function refuse(request: ReceivedRequest, hosts: ReadonlySet<string>): Reply | undefined {
  return refuseSender(request, hosts) ?? refuseQuestion(request)
}

function refuseSender({ headers }: ReceivedRequest, hosts: ReadonlySet<string>): Reply | undefined {
  const foreign = FOREIGN_HEADERS.find((name) => headers[name] !== undefined)
  if (foreign !== undefined)
    return forbidden(`A request with the header ${foreign} comes from a web page or a proxy, and is refused.`)
  const [host, ...others] = headers['host'] ?? []
  const isOurs = host !== undefined && others.length === 0 && hosts.has(host.toLowerCase())
  return isOurs ? undefined : forbidden('The Host header does not name this server.')
}

function refuseQuestion({ method, target, headers }: ReceivedRequest): Reply | undefined {
  if (target !== CREDENTIALS_PATH && target !== HEALTH_PATH)
    return failure(404, 'NOT_FOUND', `This server has ${CREDENTIALS_PATH} and ${HEALTH_PATH} only.`, CLOSE)
  if (method !== 'GET')
    return failure(405, 'METHOD_NOT_ALLOWED', 'This server answers GET only.', { Allow: 'GET', ...CLOSE })
  return hasBody(headers)
    ? failure(400, 'BAD_REQUEST', 'A GET request must not have a body.', CLOSE)
    : undefined
}

function hasBody(headers: ReceivedRequest['headers']): boolean {
  const lengths = headers['content-length'] ?? []
  return headers['transfer-encoding'] !== undefined || lengths.some((length) => length !== '0')
}

function holdsToken({ headers }: ReceivedRequest, token: string): boolean {
  const [given, ...others] = headers['authorization'] ?? []
  return given !== undefined && others.length === 0 && timingSafeEqual(digest(given), digest(token))
}

/** `timingSafeEqual` requires equal lengths. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

const WRONG_TOKEN = forbidden(
  'The Authorization header does not hold the token of this server. Set AWS_CONTAINER_AUTHORIZATION_TOKEN or AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE to the one that belongs to AWS_CONTAINER_CREDENTIALS_FULL_URI.',
)

const USABLE: ReadonlySet<InstanceRoleState> = new Set<InstanceRoleState>(['ok', 'degraded', 'extended'])

function reportHealth(state: InstanceRoleState): Reply {
  return { status: USABLE.has(state) ? 200 : 503, body: JSON.stringify({ state }) }
}

function giveCredentials(given: InstanceRoleCredentials | undefined): Reply {
  if (given === undefined)
    return failure(503, 'LOADING', 'The credentials of the instance role are still being loaded: try again.')
  const { accessKeyId, secretAccessKey, sessionToken, expiration, accountId } = given
  const body = JSON.stringify({
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: toWholeSeconds(expiration),
    AccountId: accountId,
  })
  return { status: 200, body }
}

/** In whole seconds, as IMDS does: some SDKs cannot read fractions. */
function toWholeSeconds(instant: Date): string {
  return instant.toISOString().replace(/\.\d+Z$/, 'Z')
}

/** SDKs print the body, so the user reads our message. */
function explain(error: unknown): Reply {
  if (!(error instanceof InstanceRoleError))
    return failure(500, 'INTERNAL', 'The request failed unexpectedly.')
  const { code, message } = error
  return failure(treatmentOf(code).retryable ? 503 : 400, code, message)
}

function forbidden(message: string): Reply {
  return failure(403, 'FORBIDDEN', message, CLOSE)
}

function failure(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, body: JSON.stringify({ Code: code, Message: message }), headers }
}
