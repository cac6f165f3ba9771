import { clockOffsetMs } from './clock-offset.js'
import { InstanceRoleError, type LoadStep } from '../errors.js'
import { MAX_TOKEN_TTL_SECONDS, type MetadataToken, parseMetadataToken } from './metadata-token.js'
import type { ImdsLoadOptions } from './imds-access.js'
import { outcomeError } from './outcome-error.js'
import type { Outcome } from './transport.js'
import { decodeUtf8 } from './utf-8.js'

/** Reads IMDS paths with a metadata token, within one load. */
export class ImdsReader {
  readonly #options: ImdsLoadOptions
  /** Why this load uses IMDSv1, if it does. */
  #withoutV2: InstanceRoleError | undefined
  #toldOfV1 = false
  /** How far the clock of IMDS was ahead of the host's at the last response. `undefined` if unknown. */
  clockOffsetMs: number | undefined

  constructor(options: ImdsLoadOptions) {
    this.#options = options
  }

  /** The endpoint that is used. */
  get endpoint(): string {
    return this.#options.endpoints.preferred
  }

  /** The metadata token, if there is one: no error may quote it. */
  get secrets(): readonly string[] {
    const { held } = this.#options.tokenOf(this.endpoint)
    return held === undefined ? [] : [held.value]
  }

  /**
   * Returns the text at `path`, or `undefined` if IMDS has nothing there (404).
   *
   * @throws {InstanceRoleError} as `getBytes`, and `BAD_RESPONSE` or `METADATA_NOT_TEXT` if the body is not UTF-8
   */
  async get(path: string, step: LoadStep): Promise<string | undefined> {
    const bytes = await this.getBytes(path, step)
    return bytes === undefined
      ? undefined
      : requireText(bytes, `IMDS at ${this.endpoint} to GET ${path}`, step)
  }

  /**
   * Returns the body at `path`, or `undefined` if IMDS has nothing there (404). A 401 drops the metadata token, so that the next try
   * takes a new one.
   *
   * @throws {InstanceRoleError} every code that the step `token` or the given step can have
   * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-returns.html
   */
  async getBytes(path: string, step: LoadStep): Promise<Uint8Array | undefined> {
    const { endpoint, token } = await this.#open()
    const headers: Record<string, string> =
      token === undefined ? {} : { 'x-aws-ec2-metadata-token': token.value }
    const exchange = { endpoint, method: 'GET', path, step } as const
    const outcome = await this.#send(exchange, headers)
    if (token === undefined) this.#requireV1(outcome)
    if (outcome.kind === 'answer' && outcome.status === 404) return undefined
    if (outcome.kind === 'answer' && outcome.status === 401) this.#drop(endpoint, token)
    return this.#requireOk(outcome, exchange).bytes
  }

  /** Returns the endpoint and the metadata token. There is no token if IMDSv1 is allowed and is all that answers. */
  async #open(): Promise<{ endpoint: string; token?: MetadataToken }> {
    const { config, endpoints, runtime } = this.#options
    if (this.#withoutV2 !== undefined) return { endpoint: endpoints.preferred }
    try {
      const endpoint = await endpoints.choose((candidate) => this.#metadataToken(candidate), runtime.after)
      return { endpoint, token: await this.#metadataToken(endpoint) }
    } catch (error) {
      if (!config.imdsV1Fallback.value || !isWithoutV2(error)) throw error
      this.#withoutV2 = error
      return { endpoint: endpoints.preferred }
    }
  }

  /** If IMDSv1 refuses the request as well (401), the error of IMDSv2 is the useful one, and the next try asks for a token again. */
  #requireV1(outcome: Outcome): void {
    const withoutV2 = this.#withoutV2
    if (outcome.kind !== 'answer' || withoutV2 === undefined) return
    if (outcome.status === 401) {
      this.#withoutV2 = undefined
      throw withoutV2
    }
    if (!this.#toldOfV1) this.#options.onV1()
    this.#toldOfV1 = true
  }

  #metadataToken(endpoint: string): Promise<MetadataToken> {
    return this.#options.tokenOf(endpoint).get(() => this.#takeToken(endpoint))
  }

  async #takeToken(endpoint: string): Promise<MetadataToken> {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(MAX_TOKEN_TTL_SECONDS) }
    const exchange = { endpoint, method: 'PUT', path: '/latest/api/token', step: 'token' } as const
    const answer = this.#requireOk(await this.#send(exchange, headers), exchange)
    const ttl = answer.headers.get('x-aws-ec2-metadata-token-ttl-seconds')
    const text = requireText(answer.bytes, `IMDS at ${endpoint} to PUT ${exchange.path}`, exchange.step)
    return parseMetadataToken(text, ttl, this.#options.runtime.now())
  }

  /** IMDS forgot the token, for example because the instance was resumed. Another load may have replaced it already. */
  #drop(endpoint: string, refused: MetadataToken | undefined): void {
    const cache = this.#options.tokenOf(endpoint)
    if (cache.held === refused) cache.reset()
  }

  async #send(
    { endpoint, method, path, step }: ImdsRequest,
    headers: Record<string, string>,
  ): Promise<Outcome> {
    const { transport, timeoutMs, userAgent, onRequest, endpoints, runtime, signal } = this.#options
    onRequest(step)
    const sentAt = runtime.now()
    // A small compressed body could expand beyond the cap.
    const own = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': userAgent }
    const exchange = { method, url: endpoint + path, headers: { ...headers, ...own }, timeoutMs }
    const outcome = await transport(exchange, signal)
    const answeredAt = runtime.now()
    const date = outcome.kind === 'answer' ? outcome.headers.get('date') : undefined
    this.clockOffsetMs = clockOffsetMs(date, answeredAt, answeredAt - sentAt)
    if (outcome.kind === 'unreachable' || outcome.kind === 'silent') endpoints.forget(endpoint)
    return outcome
  }

  #requireOk(outcome: Outcome, { endpoint, method, path, step }: ImdsRequest): Outcome<'answer'> {
    if (outcome.kind === 'answer' && outcome.status === 200) return outcome
    const { timeoutMs } = this.#options
    const isKnown = this.#options.tokenOf(endpoint).hasGiven
    throw outcomeError(outcome, { endpoint, step, request: `${method} ${path}`, timeoutMs, isKnown })
  }
}

/** A request, as errors describe it. */
interface ImdsRequest {
  readonly endpoint: string
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly step: LoadStep
}

/** Whether the error means that IMDSv2 is unavailable, and not just busy. */
function isWithoutV2(error: unknown): error is InstanceRoleError {
  if (!(error instanceof InstanceRoleError)) return false
  return error.code === 'HOP_LIMIT' || [403, 404, 405].includes(error.statusCode ?? 0)
}

function requireText(bytes: Uint8Array, what: string, step: LoadStep): string {
  const text = decodeUtf8(bytes)
  if (text !== undefined) return text
  // Credentials are always text. Metadata can be anything, user data for example.
  const code = step === 'metadata' ? 'METADATA_NOT_TEXT' : 'BAD_RESPONSE'
  throw new InstanceRoleError(code, `The answer of ${what} is not UTF-8 text.`, { step })
}
