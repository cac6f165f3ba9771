import {
  InstanceRoleError,
  type InstanceRoleErrorCode,
  type InstanceRoleErrorDetails,
  type LoadStep,
} from '../errors.js'
import { RefreshingCache } from '../refreshing-cache.js'
import {
  MAX_TOKEN_TTL_SECONDS,
  type MetadataToken,
  metadataTokenPolicy,
  parseMetadataToken,
} from './metadata-token.js'
import { type Outcome, type Transport } from './transport.js'

/** The metadata token of one endpoint, for every load of the process; each load brings its own way to take one. */
export type MetadataTokenCache = RefreshingCache<MetadataToken, MetadataToken, () => Promise<MetadataToken>>

export function createMetadataTokenCache(now: () => number): MetadataTokenCache {
  return new RefreshingCache((take) => take(), metadataTokenPolicy(now))
}

export interface MetadataClientOptions {
  readonly endpoint: string
  readonly timeoutMs: number
  readonly imdsV1Fallback: boolean
  readonly token: MetadataTokenCache
  readonly transport: Transport
  readonly userAgent: string
  readonly now: () => number
  readonly onRequest: (step: LoadStep) => void
  /** Called when IMDSv1 is used, once a load. */
  readonly onV1: () => void
}

/** Reads IMDS paths with a metadata token, within one load. */
export class MetadataClient {
  readonly #options: MetadataClientOptions
  #usesV1 = false

  constructor(options: MetadataClientOptions) {
    this.#options = options
  }

  /**
   * The body at `path`, or `undefined` where IMDS has nothing there (404).
   *
   * | status | meaning |
   * |---|---|
   * | 200 | the body |
   * | 404 | nothing at this path |
   * | 401 | the metadata token is not, or no longer, known: dropped, so that the next try takes a new one |
   * | 403 | IMDS is disabled |
   * | 429 | throttled |
   * | 5xx | IMDS failed |
   * | others | not IMDS, or not a request for it |
   *
   * @throws {InstanceRoleError} every code that `step` `token` or the given one can have
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-returns.html
   */
  async get(path: string, step: LoadStep): Promise<string | undefined> {
    const token = await this.#metadataToken()
    const headers: Record<string, string> =
      token === undefined ? {} : { 'x-aws-ec2-metadata-token': token.value }
    const outcome = await this.#send('GET', path, headers, step)
    if (outcome.kind === 'answer' && outcome.status === 404) return undefined
    if (outcome.kind === 'answer' && outcome.status === 401) this.#drop(token)
    return this.#requireOk(outcome, step).body
  }

  /** `undefined` where IMDSv1 was asked for and is all that answers. */
  async #metadataToken(): Promise<MetadataToken | undefined> {
    if (this.#usesV1) return undefined
    try {
      return await this.#options.token.get(() => this.#takeToken())
    } catch (error) {
      if (!this.#options.imdsV1Fallback || !isWithoutV2(error)) throw error
      this.#usesV1 = true
      this.#options.onV1()
      return undefined
    }
  }

  async #takeToken(): Promise<MetadataToken> {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(MAX_TOKEN_TTL_SECONDS) }
    const outcome = await this.#send('PUT', '/latest/api/token', headers, 'token')
    const answer = this.#requireOk(outcome, 'token')
    return parseMetadataToken(
      answer.body,
      answer.headers.get('x-aws-ec2-metadata-token-ttl-seconds'),
      this.#options.now(),
    )
  }

  /** IMDS forgot the token, for instance because the instance was resumed; another load may have replaced it already. */
  #drop(refused: MetadataToken | undefined): void {
    if (this.#options.token.held === refused) this.#options.token.reset()
  }

  #send(
    method: 'GET' | 'PUT',
    path: string,
    headers: Record<string, string>,
    step: LoadStep,
  ): Promise<Outcome> {
    const { transport, endpoint, timeoutMs, userAgent, onRequest } = this.#options
    onRequest(step)
    return transport.send({
      method,
      url: endpoint + path,
      // Compressed, a small answer could unfold beyond the cap.
      headers: { ...headers, accept: '*/*', 'accept-encoding': 'identity', 'user-agent': userAgent },
      timeoutMs,
    })
  }

  #requireOk(outcome: Outcome, step: LoadStep): Outcome & { kind: 'answer' } {
    if (outcome.kind !== 'answer') throw failure(outcome, step, this.#options)
    if (outcome.status !== 200) throw refusal(outcome, step, this.#options)
    return outcome
  }
}

const REQUESTS: Readonly<Record<LoadStep, string>> = {
  token: 'PUT /latest/api/token',
  role: 'GET /latest/meta-data/iam/security-credentials/',
  credentials: 'GET /latest/meta-data/iam/security-credentials/<role-name>',
}

/** What says that IMDSv2 is not to be had, as opposed to busy. */
function isWithoutV2(error: unknown): boolean {
  if (!(error instanceof InstanceRoleError)) return false
  return ['HOP_LIMIT', 'IMDS_DISABLED', 'UNEXPECTED_STATUS'].includes(error.code) && error.statusCode !== 400
}

type Where = Pick<MetadataClientOptions, 'endpoint' | 'timeoutMs'>

function refusal(
  answer: Outcome & { kind: 'answer' },
  step: LoadStep,
  { endpoint }: Where,
): InstanceRoleError {
  const { status, headers } = answer
  const [code, message] = meaningOf(status, REQUESTS[step], endpoint)
  const retryAfterMs = parseRetryAfterMs(headers.get('retry-after'))
  return new InstanceRoleError(code, message, { step, statusCode: status, retryAfterMs })
}

function meaningOf(status: number, request: string, endpoint: string): [InstanceRoleErrorCode, string] {
  if (status === 401) return ['TOKEN_REJECTED', `IMDS refused the metadata token of ${request} (401).`]
  if (status === 403)
    return ['IMDS_DISABLED', `IMDS refused ${request} (403): it is disabled on this instance.`]
  if (status === 429) return ['THROTTLED', `IMDS throttled ${request} (429).`]
  if (status >= 500) return ['SERVER_ERROR', `IMDS failed to answer ${request} (${status}).`]
  return ['UNEXPECTED_STATUS', `IMDS at ${endpoint} answered ${request} with status ${status}.`]
}

/** Seconds only: IMDS has no reason to name a date. */
function parseRetryAfterMs(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined
}

function failure(
  outcome: Exclude<Outcome, { kind: 'answer' }>,
  step: LoadStep,
  where: Where,
): InstanceRoleError {
  const request = REQUESTS[step]
  switch (outcome.kind) {
    case 'unreachable':
      return unreachable(outcome, step, where)
    case 'silent':
      return silent(outcome, step, where)
    case 'broken':
      return badResponse(`The connection broke before ${request} was answered in full.`, step, {
        cause: outcome.cause,
      })
    case 'oversized':
      return badResponse(`The answer to ${request} is larger than 64 KiB.`, step)
    case 'not-text':
      return badResponse(`The answer to ${request} is not UTF-8 text.`, step)
  }
}

function badResponse(
  message: string,
  step: LoadStep,
  details: InstanceRoleErrorDetails = {},
): InstanceRoleError {
  return new InstanceRoleError('BAD_RESPONSE', message, { ...details, step })
}

function unreachable(
  { timedOut, cause }: Outcome & { kind: 'unreachable' },
  step: LoadStep,
  { endpoint, timeoutMs }: Where,
): InstanceRoleError {
  const why = timedOut
    ? `nothing accepted the connection within ${timeoutMs} ms`
    : (cause?.message ?? 'the connection failed')
  return new InstanceRoleError('UNREACHABLE', `IMDS at ${endpoint} cannot be reached: ${why}.`, {
    step,
    timedOut,
    cause,
  })
}

/** Connected, but the PUT was not answered: the answer's IP hop limit does not reach a container. */
function silent(
  { isPartial, blockedMs }: Outcome & { kind: 'silent' },
  step: LoadStep,
  { endpoint, timeoutMs }: Where,
): InstanceRoleError {
  const request = REQUESTS[step]
  const details = { step, timedOut: true }
  if (blockedMs === 0 && step === 'token' && !isPartial) {
    const message = `IMDS at ${endpoint} accepted the connection but never answered ${request} (${timeoutMs} ms): its answer does not get this far.`
    return new InstanceRoleError('HOP_LIMIT', message, details)
  }
  const blocked =
    blockedMs === 0 ? '' : `; the event loop of this process was blocked for ${blockedMs} ms of it`
  const what = isPartial ? 'did not end its answer to' : 'did not answer'
  return new InstanceRoleError(
    'TIMEOUT',
    `IMDS ${what} ${request} within ${timeoutMs} ms${blocked}.`,
    details,
  )
}
