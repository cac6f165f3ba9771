import { isSteady } from '../clock-offset.js'
import { InstanceRoleError, type InstanceRoleErrorCode, type LoadStep } from '../errors.js'
import { RefreshingCache } from '../refreshing-cache.js'
import {
  MAX_TOKEN_TTL_SECONDS,
  type MetadataToken,
  metadataTokenPolicy,
  parseMetadataToken,
} from './metadata-token.js'
import type { Runtime } from '../runtime.js'
import type { EndpointChoice } from './endpoint-choice.js'
import type { Outcome, Transport } from './transport.js'
import { decodeUtf8 } from './utf-8.js'

/** The metadata token of one endpoint, for every load of the process; each load brings its own way to take one. */
export type MetadataTokenCache = RefreshingCache<MetadataToken, MetadataToken, () => Promise<MetadataToken>>

export function createMetadataTokenCache(now: () => number): MetadataTokenCache {
  return new RefreshingCache((take) => take(), metadataTokenPolicy(now))
}

export interface ImdsReaderOptions {
  readonly endpoints: EndpointChoice
  readonly timeoutMs: number
  readonly imdsV1Fallback: boolean
  readonly tokenOf: (endpoint: string) => MetadataTokenCache
  readonly transportTo: (endpoint: string) => Transport
  readonly userAgent: string
  readonly runtime: Runtime
  readonly onRequest: (step: LoadStep) => void
  /** Called when IMDSv1 is used, once a load. */
  readonly onV1: () => void
  readonly onDate: (date: string | null) => void
}

/** Reads IMDS paths with a metadata token, within one load. */
export class ImdsReader {
  readonly #options: ImdsReaderOptions
  #usesV1 = false

  constructor(options: ImdsReaderOptions) {
    this.#options = options
  }

  /**
   * The text at `path`, or `undefined` where IMDS has nothing there (404).
   *
   * @throws {InstanceRoleError} as `getBytes`, and `BAD_RESPONSE` or `METADATA_NOT_TEXT` for what is not UTF-8
   */
  async get(path: string, step: LoadStep): Promise<string | undefined> {
    const bytes = await this.getBytes(path, step)
    return bytes === undefined ? undefined : requireText(bytes, `GET ${path}`, step)
  }

  /**
   * The body at `path` as it is, or `undefined` where IMDS has nothing there (404).
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
  async getBytes(path: string, step: LoadStep): Promise<Uint8Array | undefined> {
    const { endpoint, token } = await this.#open()
    const headers: Record<string, string> =
      token === undefined ? {} : { 'x-aws-ec2-metadata-token': token.value }
    const exchange = { endpoint, method: 'GET', path, step } as const
    const outcome = await this.#send(exchange, headers)
    if (outcome.kind === 'answer' && outcome.status === 404) return undefined
    if (outcome.kind === 'answer' && outcome.status === 401) this.#drop(endpoint, token)
    return this.#requireOk(outcome, exchange).bytes
  }

  /** Where to ask, and with what; no token where IMDSv1 was asked for and is all that answers. */
  async #open(): Promise<{ endpoint: string; token?: MetadataToken }> {
    const { endpoints, runtime, imdsV1Fallback, onV1 } = this.#options
    if (this.#usesV1) return { endpoint: endpoints.preferred }
    try {
      const endpoint = await endpoints.choose((candidate) => this.#metadataToken(candidate), runtime.after)
      return { endpoint, token: await this.#metadataToken(endpoint) }
    } catch (error) {
      if (!imdsV1Fallback || !isWithoutV2(error)) throw error
      this.#usesV1 = true
      onV1()
      return { endpoint: endpoints.preferred }
    }
  }

  #metadataToken(endpoint: string): Promise<MetadataToken> {
    return this.#options.tokenOf(endpoint).get(() => this.#takeToken(endpoint))
  }

  async #takeToken(endpoint: string): Promise<MetadataToken> {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(MAX_TOKEN_TTL_SECONDS) }
    const exchange = { endpoint, method: 'PUT', path: '/latest/api/token', step: 'token' } as const
    const answer = this.#requireOk(await this.#send(exchange, headers), exchange)
    const ttl = answer.headers.get('x-aws-ec2-metadata-token-ttl-seconds')
    const text = requireText(answer.bytes, `${exchange.method} ${exchange.path}`, exchange.step)
    return parseMetadataToken(text, ttl, this.#options.runtime.now())
  }

  /** IMDS forgot the token, for instance because the instance was resumed; another load may have replaced it already. */
  #drop(endpoint: string, refused: MetadataToken | undefined): void {
    const cache = this.#options.tokenOf(endpoint)
    if (cache.held === refused) cache.reset()
  }

  async #send({ endpoint, method, path, step }: Exchange, headers: Record<string, string>): Promise<Outcome> {
    const { transportTo, timeoutMs, userAgent, onRequest, onDate, endpoints, runtime } = this.#options
    onRequest(step)
    const sentAt = runtime.now()
    const outcome = await transportTo(endpoint).send({
      method,
      url: endpoint + path,
      // Compressed, a small answer could unfold beyond the cap.
      headers: { ...headers, accept: '*/*', 'accept-encoding': 'identity', 'user-agent': userAgent },
      timeoutMs,
    })
    if (outcome.kind === 'answer' && isSteady(runtime.now() - sentAt)) onDate(outcome.headers.get('date'))
    if (outcome.kind === 'unreachable' || outcome.kind === 'silent') endpoints.forget(endpoint)
    return outcome
  }

  #requireOk(outcome: Outcome, { endpoint, method, path, step }: Exchange): Answer {
    const context = { endpoint, step, request: `${method} ${path}`, timeoutMs: this.#options.timeoutMs }
    if (outcome.kind !== 'answer') throw failure(outcome, context)
    if (outcome.status !== 200) throw refusal(outcome, context)
    return outcome
  }
}

/** A request, as it is told of. */
interface Exchange {
  readonly endpoint: string
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly step: LoadStep
}

/** What says that IMDSv2 is not to be had, as opposed to busy. */
function isWithoutV2(error: unknown): boolean {
  if (!(error instanceof InstanceRoleError)) return false
  return error.code === 'HOP_LIMIT' || [403, 404, 405].includes(error.statusCode ?? 0)
}

function requireText(bytes: Uint8Array, request: string, step: LoadStep): string {
  const text = decodeUtf8(bytes)
  if (text !== undefined) return text
  // What the answer should be is known of the credentials; metadata can be anything.
  const code = step === 'metadata' ? 'METADATA_NOT_TEXT' : 'BAD_RESPONSE'
  throw new InstanceRoleError(code, `The answer to ${request} is not UTF-8 text.`, { step })
}

/** An exchange, for those who tell what became of it. */
interface Context {
  readonly endpoint: string
  readonly timeoutMs: number
  readonly step: LoadStep
  readonly request: string
}

type Answer = Outcome & { kind: 'answer' }

function refusal({ status, headers }: Answer, context: Context): InstanceRoleError {
  const [code, message] = meaningOf(status, context)
  const retryAfterMs = parseRetryAfterMs(headers.get('retry-after'))
  return new InstanceRoleError(code, message, { step: context.step, statusCode: status, retryAfterMs })
}

function meaningOf(status: number, { request, endpoint, step }: Context): [InstanceRoleErrorCode, string] {
  if (status === 401 && step !== 'token')
    return ['TOKEN_REJECTED', `IMDS refused the metadata token of ${request} (401).`]
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

function failure(outcome: Exclude<Outcome, Answer>, context: Context): InstanceRoleError {
  const { request, step } = context
  switch (outcome.kind) {
    case 'unreachable':
      return unreachable(outcome, context)
    case 'silent':
      return silent(outcome, context)
    case 'broken': {
      const message = `The connection broke before ${request} was answered in full.`
      return new InstanceRoleError('BAD_RESPONSE', message, { step, cause: outcome.cause })
    }
    case 'oversized':
      return new InstanceRoleError('BAD_RESPONSE', `The answer to ${request} is larger than 64 KiB.`, {
        step,
      })
  }
}

function unreachable(
  { timedOut, cause }: Outcome & { kind: 'unreachable' },
  { endpoint, timeoutMs, step }: Context,
): InstanceRoleError {
  const silence = `nothing accepted the connection within ${timeoutMs} ms`
  const why = timedOut ? silence : (cause?.message ?? 'the connection failed')
  const message = `IMDS at ${endpoint} cannot be reached: ${why}.`
  return new InstanceRoleError('UNREACHABLE', message, { step, timedOut, cause })
}

/** Connected, but the PUT was not answered: the answer's IP hop limit does not reach a container. */
function silent(
  { isPartial, blockedMs }: Outcome & { kind: 'silent' },
  { endpoint, timeoutMs, step, request }: Context,
): InstanceRoleError {
  const details = { step, timedOut: true }
  if (blockedMs === 0 && step === 'token' && !isPartial) {
    const message = `IMDS at ${endpoint} accepted the connection but never answered ${request} (${timeoutMs} ms): its answer does not get this far.`
    return new InstanceRoleError('HOP_LIMIT', message, details)
  }
  const blocked =
    blockedMs === 0 ? '' : `; the event loop of this process was blocked for ${blockedMs} ms of it`
  const what = isPartial ? 'did not end its answer to' : 'did not answer'
  const message = `IMDS ${what} ${request} within ${timeoutMs} ms${blocked}.`
  return new InstanceRoleError('TIMEOUT', message, details)
}
