import type {
  FinalizeHandler,
  FinalizeHandlerArguments,
  HandlerExecutionContext,
  RelativeMiddlewareOptions,
} from '@smithy/types'
import { isAbortSignal, unlessAborted } from '../runtime/abort.js'
import { type InstanceRoleProvider, sourceOf } from '../provider/from-instance-role.js'
import { Inquiries } from './inquiries.js'
import { isReplayable, type Refusal, refusalOf, signerOf } from './refused-request.js'
import { systemRuntime } from '../runtime/runtime.js'

/** The part of an AWS SDK v3 client's resolved configuration that is in use here. */
export interface SigningConfig {
  /** What the client asks for credentials before it signs. */
  readonly credentials: (properties?: {
    readonly forceRefresh?: boolean
  }) => Promise<{ readonly accessKeyId: string }>
}

/** A plugin for the middleware stack of any AWS SDK v3 client or command: the SDK's `Pluggable`, for whatever input and output. */
export interface RefreshOnExpiredTokenPlugin {
  /** Adds the middleware; the SDK calls it. */
  applyToStack(stack: RelativeStack): void
}

interface RelativeStack {
  addRelativeTo(middleware: AnyMiddleware, options: RelativeMiddlewareOptions): void
}

type AnyMiddleware = <Input extends object, Output extends object>(
  next: FinalizeHandler<Input, Output>,
  context: HandlerExecutionContext,
) => FinalizeHandler<Input, Output>

/** Any AWS SDK v3 client. */
export interface SigningClient {
  /** The resolved configuration. */
  readonly config: SigningConfig
  /** Where plugins go. */
  readonly middlewareStack: { use(plugin: RefreshOnExpiredTokenPlugin): void }
}

/** A provider of `fromInstanceRole()`, or what wraps one. */
export type RefreshableProvider = ((properties?: {
  readonly forceRefresh?: boolean
}) => Promise<{ readonly accessKeyId: string }>) &
  Pick<InstanceRoleProvider, 'status'>

/** How long a set counts as fresh, from its first use; IAM is eventually consistent, mostly within seconds. */
const FRESH_MS = 60_000
/** Before a fresh set that a service does not know yet is tried again. */
const GET_KNOWN_MS = 1_000

/** Outside the signing, so that what is sent again is signed again; inside the client's own retries, which see one attempt. */
const RETRY_MIDDLEWARE: RelativeMiddlewareOptions = {
  name: 'refreshOnExpiredTokenMiddleware',
  tags: ['REFRESH_ON_EXPIRED_TOKEN', 'CREDENTIALS'],
  relation: 'before',
  toMiddleware: 'httpSigningMiddleware',
  override: true,
}

/** Inside the signing: what the identity of a call says is not always what its request is signed with. */
const WITNESS_MIDDLEWARE: RelativeMiddlewareOptions = {
  name: 'refreshOnExpiredTokenWitnessMiddleware',
  tags: ['REFRESH_ON_EXPIRED_TOKEN', 'CREDENTIALS'],
  relation: 'after',
  toMiddleware: 'httpSigningMiddleware',
  override: true,
}

/**
 * Has a client recover when a service refuses the instance role's credentials as expired or unknown: IMDS is asked once for
 * newer ones, however many requests fail together, and the request is sent once more. Gives the client.
 *
 * `provider` is the client's own, alone or in a chain, or another with the same settings, which shares its credentials. A client
 * with a cache of its own, as the SDK puts on a chain, renews that with one more request to IMDS.
 *
 * A request whose body is a stream is not sent again, because the stream is consumed; IMDS is asked all the same. Where nothing
 * newer is to be had, the service's own error comes back. Credentials that are not an instance role's are left alone: they are
 * not sent twice, and IMDS is not asked about them.
 *
 * @example
 * const credentials = fromInstanceRole()
 * const s3 = refreshOnExpiredToken(new S3Client({ credentials }), credentials)
 */
export function refreshOnExpiredToken<Client extends SigningClient>(
  client: Client,
  provider: RefreshableProvider,
): Client {
  client.middlewareStack.use(getRefreshOnExpiredTokenPlugin(client.config, provider))
  return client
}

/**
 * {@link refreshOnExpiredToken} as the SDK's plugins are: for the middleware stack of a client or of a command.
 *
 * @example
 * command.middlewareStack.use(getRefreshOnExpiredTokenPlugin(client.config, credentials))
 */
export function getRefreshOnExpiredTokenPlugin(
  config: SigningConfig,
  provider: RefreshableProvider,
): RefreshOnExpiredTokenPlugin {
  const recovery = new Recovery(config, provider)
  return {
    applyToStack: (stack) => {
      stack.addRelativeTo((next, context) => recovery.retrying(next, context), RETRY_MIDDLEWARE)
      stack.addRelativeTo((next) => recovery.witnessing(next), WITNESS_MIDDLEWARE)
    },
  }
}

/** What the two middlewares tell each other about one sending of a request. */
interface Sending {
  /** The access key that signed it. */
  accessKeyId?: string
  /** The role's access key that a second sending is to be signed with. */
  readonly due?: string
}

/** Carried in the arguments: a context can be that of several calls, where a client caches its middleware. */
const SENDING = Symbol('instance-role sending')

type Arguments<Input extends object> = FinalizeHandlerArguments<Input> & { readonly [SENDING]?: Sending }

/** Ends a second sending before the network, where it is signed with anything else than is due. */
class NotSignedAsDue extends Error {}

/** By source: two that share nothing can hold the same set, and what one learns is news to the other. */
const inquiries = new WeakMap<object, Inquiries>()

/** One for all clients whose credentials are from the same source: the same access key is the same set, whoever was refused. */
function inquiriesAt(source: object): Inquiries {
  const known = inquiries.get(source) ?? new Inquiries(systemRuntime.now)
  inquiries.set(source, known)
  return known
}

class Recovery {
  readonly #config: SigningConfig
  readonly #provider: RefreshableProvider
  readonly #retried = new WeakSet<object>()
  /** About the sets that a cache of the client's own keeps too long. */
  readonly #catchUps = new Inquiries(systemRuntime.now)
  #latest: { readonly accessKeyId: string; readonly firstUsedAt: number } | undefined

  constructor(config: SigningConfig, provider: RefreshableProvider) {
    this.#config = config
    this.#provider = provider
  }

  retrying<Input extends object, Output extends object>(
    next: FinalizeHandler<Input, Output>,
    context: HandlerExecutionContext,
  ): FinalizeHandler<Input, Output> {
    return async (args) => {
      const sending: Sending = {}
      try {
        return await send(next, args, sending)
      } catch (error) {
        const again = await this.#recover(error, sending, args.request, context)
        if (again === undefined) throw error
        return await send(next, args, again).catch((second: unknown) => {
          throw second instanceof NotSignedAsDue ? error : second
        })
      }
    }
  }

  witnessing<Input extends object, Output extends object>(
    next: FinalizeHandler<Input, Output>,
  ): FinalizeHandler<Input, Output> {
    return async (args: Arguments<Input>) => {
      const sending = args[SENDING]
      const accessKeyId = signerOf(args.request)
      if (sending === undefined || accessKeyId === undefined) return next(args)
      if (!(await this.#isDue(accessKeyId, sending))) throw new NotSignedAsDue()
      sending.accessKeyId = accessKeyId
      if (this.#latest?.accessKeyId !== accessKeyId)
        this.#latest = { accessKeyId, firstUsedAt: systemRuntime.now() }
      return next(args)
    }
  }

  /** What has replaced the due set since is as good. */
  async #isDue(accessKeyId: string, { due }: Sending): Promise<boolean> {
    if (due === undefined || accessKeyId === due) return true
    return this.#provider().then(
      (current) => current.accessKeyId === accessKeyId,
      () => false,
    )
  }

  /** How to send the request again; `undefined` where that makes no sense. */
  async #recover(
    error: unknown,
    { accessKeyId }: Sending,
    request: unknown,
    context: HandlerExecutionContext,
  ): Promise<Sending | undefined> {
    const refusal = refusalOf(error)
    if (refusal === undefined || accessKeyId === undefined || !this.#isFirst(request)) return undefined
    const renewed = this.#renew(accessKeyId, refusal)
    const again = await unlessCalledOff(context, renewed)
    return isReplayable(request) ? again : undefined
  }

  /** A call has one recovery, in whichever of the client's own attempts it is needed. */
  #isFirst(request: unknown): boolean {
    if (typeof request !== 'object' || request === null || this.#retried.has(request)) return false
    this.#retried.add(request)
    return true
  }

  async #renew(refused: string, refusal: Refusal): Promise<Sending | undefined> {
    if (!(await this.#hasImds())) return undefined
    const { accessKeyId } = await this.#provider()
    if (accessKeyId === refused)
      await inquiriesAt(sourceOf(this.#provider)).ask(refused, () => this.#refreshAll())
    const due = await this.#dueAfter(refused)
    if (due === undefined) return undefined
    if (due === refused) {
      if (!this.#isFresh(refused, refusal)) return undefined
      await getKnown()
    }
    return { due }
  }

  /** IMDS may not even be there, unless what the provider or the client holds came from it. */
  async #hasImds(): Promise<boolean> {
    return this.#provider.status().expiration !== undefined || isFromImds(await this.#config.credentials())
  }

  /** One request to IMDS where the client's credentials are the provider's. */
  #refreshAll(): Promise<unknown> {
    return Promise.allSettled([this.#refreshThroughClient(), this.#provider({ forceRefresh: true })])
  }

  /** The client's own cache, where it has one, is renewed with it. */
  #refreshThroughClient(): Promise<unknown> {
    return this.#config.credentials({ forceRefresh: true })
  }

  /** What the client has now, which gives up what the provider has replaced; `undefined` where that is not the role's. */
  async #dueAfter(refused: string): Promise<string | undefined> {
    const { accessKeyId } = await this.#provider()
    const held = await this.#config.credentials()
    if (held.accessKeyId === accessKeyId) return accessKeyId
    if (!isFromImds(held)) return undefined
    if (held.accessKeyId !== refused) return held.accessKeyId
    // The SDK's cache on a chain would keep it until 5 min before its expiration, and heeds nothing but this.
    await this.#catchUps.ask(refused, () => this.#refreshThroughClient())
    return (await this.#config.credentials()).accessKeyId
  }

  #isFresh(accessKeyId: string, refusal: Refusal): boolean {
    if (refusal !== 'unknown' || this.#latest?.accessKeyId !== accessKeyId) return false
    return Math.abs(systemRuntime.now() - this.#latest.firstUsedAt) < FRESH_MS
  }
}

function send<Input extends object, Output extends object>(
  next: FinalizeHandler<Input, Output>,
  args: FinalizeHandlerArguments<Input>,
  sending: Sending,
): ReturnType<typeof next> {
  const marked: Arguments<Input> = { ...args, [SENDING]: sending }
  return next(marked)
}

/** Time for word of a fresh set to get round; somebody waits, so the process stays alive. */
async function getKnown(): Promise<void> {
  const release = systemRuntime.keepAlive()
  await systemRuntime.sleep(GET_KNOWN_MS)
  release()
}

/** What `work` gives; `undefined` where it fails or the call is aborted, which the SDK's retries then report as such. */
async function unlessCalledOff(
  { __smithy_context: { abortSignal } = {} }: HandlerExecutionContext,
  work: Promise<Sending | undefined>,
): Promise<Sending | undefined> {
  const signal = isAbortSignal(abortSignal) ? abortSignal : new AbortController().signal
  return unlessAborted(signal, work).catch(() => undefined)
}

/** By the mark for the SDK's user agent, which what a role assumed has not. */
function isFromImds(identity: object): boolean {
  if (!('$source' in identity) || typeof identity.$source !== 'object' || identity.$source === null)
    return false
  return 'CREDENTIALS_IMDS' in identity.$source
}
