import type {
  FinalizeHandler,
  FinalizeHandlerArguments,
  HandlerExecutionContext,
  RelativeMiddlewareOptions,
} from '@smithy/types'
import { unlessAborted } from './abort.js'
import type { InstanceRoleProvider } from './from-instance-role.js'
import { Inquiries } from './inquiries.js'
import { isReplayable, type Refusal, refusalOf, signerOf } from './refused-request.js'
import { systemRuntime } from './runtime.js'

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
export type RefreshableProvider = (() => Promise<{ readonly accessKeyId: string }>) &
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
 * A request whose body is a stream is not sent again, because the stream is consumed; IMDS is asked all the same. Where nothing
 * newer is to be had, the service's own error comes back. Credentials that are not the provider's are left alone.
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
  /** The access key that was refused, and is not to be sent again. */
  readonly refused?: string | undefined
}

/** Carried in the arguments: a context can be that of several calls, where a client caches its middleware. */
const SENDING = Symbol('instance-role sending')

type Arguments<Input extends object> = FinalizeHandlerArguments<Input> & { readonly [SENDING]?: Sending }

/** Ends a second sending before the network, where it would be signed with what was refused. */
class SignedTheSame extends Error {}

/** One for all clients: the same access key is the same set, whoever was refused with it. */
const inquiries = new Inquiries(systemRuntime.now)

class Recovery {
  readonly #config: SigningConfig
  readonly #provider: RefreshableProvider
  readonly #retried = new WeakSet<object>()
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
          throw second instanceof SignedTheSame ? error : second
        })
      }
    }
  }

  witnessing<Input extends object, Output extends object>(
    next: FinalizeHandler<Input, Output>,
  ): FinalizeHandler<Input, Output> {
    return (args: Arguments<Input>) => {
      const sending = args[SENDING]
      const accessKeyId = signerOf(args.request)
      if (sending === undefined || accessKeyId === undefined) return next(args)
      if (accessKeyId === sending.refused) return Promise.reject(new SignedTheSame())
      sending.accessKeyId = accessKeyId
      if (this.#latest?.accessKeyId !== accessKeyId)
        this.#latest = { accessKeyId, firstUsedAt: systemRuntime.now() }
      return next(args)
    }
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
    const refused = await unlessCalledOff(context, renewed)
    return refused === undefined || !isReplayable(request) ? undefined : refused
  }

  /** A call has one recovery, in whichever of the client's own attempts it is needed. */
  #isFirst(request: unknown): boolean {
    if (typeof request !== 'object' || request === null || this.#retried.has(request)) return false
    this.#retried.add(request)
    return true
  }

  async #renew(refused: string, refusal: Refusal): Promise<Sending | undefined> {
    // Without a set the provider was never asked: the refused one cannot come from it, and IMDS may not even be there.
    if (this.#provider.status().expiration === undefined) return undefined
    const { accessKeyId } = await this.#provider()
    // Replaced since, or none of ours. If signing gives the same again, nothing is sent.
    if (accessKeyId !== refused) return { refused }
    // Through the client, whose own cache, where it has one, is renewed with it.
    await inquiries.ask(refused, () => this.#config.credentials({ forceRefresh: true }))
    const renewed = await this.#provider()
    if (renewed.accessKeyId !== refused || !this.#isFresh(refused, refusal)) return { refused }
    await getKnown()
    return {}
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
  const signal = abortSignal instanceof AbortSignal ? abortSignal : new AbortController().signal
  return unlessAborted(signal, work).catch(() => undefined)
}
