import type {
  FinalizeHandler,
  FinalizeHandlerArguments,
  HandlerExecutionContext,
  RelativeMiddlewareOptions,
} from '@smithy/types'
import { isAbortSignal, unlessAborted } from '../runtime/abort.js'
import { type InstanceRoleProvider, sourceOf } from '../provider/from-instance-role.js'
import { inquireOnce } from './inquiries.js'
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
  ...RETRY_MIDDLEWARE,
  name: 'refreshOnExpiredTokenWitnessMiddleware',
  relation: 'after',
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
      stack.addRelativeTo(witnessing, WITNESS_MIDDLEWARE)
    },
  }
}

/** Told which access key has signed a request; gives whether the request is sent. */
type OnSigned = (accessKeyId: string) => boolean | Promise<boolean>

/** Carried in the arguments: a context can be that of several calls, where a client caches its middleware. */
const ON_SIGNED = Symbol('instance-role on signed')

type Arguments<Input extends object> = FinalizeHandlerArguments<Input> & { readonly [ON_SIGNED]?: OnSigned }

/** Ends a sending before the network; it reaches no caller. */
const NOT_SENT = new Error('not sent')

function send<Input extends object, Output extends object>(
  next: FinalizeHandler<Input, Output>,
  args: FinalizeHandlerArguments<Input>,
  onSigned: OnSigned,
): ReturnType<typeof next> {
  const witnessed: Arguments<Input> = { ...args, [ON_SIGNED]: onSigned }
  return next(witnessed)
}

function witnessing<Input extends object, Output extends object>(
  next: FinalizeHandler<Input, Output>,
): FinalizeHandler<Input, Output> {
  return async (args: Arguments<Input>) => {
    const onSigned = args[ON_SIGNED]
    const accessKeyId = signerOf(args.request)
    const isSent = onSigned === undefined || accessKeyId === undefined || (await onSigned(accessKeyId))
    if (!isSent) throw NOT_SENT
    return next(args)
  }
}

/** The access key that a service has refused, and why. */
interface Refused {
  readonly accessKeyId: string
  readonly refusal: Refusal
}

class Recovery {
  readonly #config: SigningConfig
  readonly #provider: RefreshableProvider
  /** The requests that have had their recovery. */
  readonly #recovered = new WeakSet<object>()
  /** The access key that signs now; its first use by `elapsed`. */
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
      let signer: string | undefined
      const noteSigner = (accessKeyId: string): boolean => {
        this.#noteUse(accessKeyId)
        signer = accessKeyId
        return true
      }
      try {
        return await send(next, args, noteSigner)
      } catch (error) {
        const refused = this.#refusedBy(error, signer, args.request)
        if (refused === undefined || !(await unlessCalledOff(context, this.#renew(refused)))) throw error
        if (!isReplayable(args.request)) throw error
        const judge: OnSigned = (accessKeyId) =>
          unlessCalledOff(context, this.#isWorthSending(accessKeyId, refused))
        return await send(next, args, judge).catch((second: unknown) => {
          throw second === NOT_SENT ? error : second
        })
      }
    }
  }

  /** A call has one recovery, in whichever of the client's own attempts it is needed. */
  #refusedBy(error: unknown, accessKeyId: string | undefined, request: unknown): Refused | undefined {
    const refusal = refusalOf(error)
    if (refusal === undefined || accessKeyId === undefined) return undefined
    if (typeof request !== 'object' || request === null || this.#recovered.has(request)) return undefined
    this.#recovered.add(request)
    return { accessKeyId, refusal }
  }

  /** Has the provider, and the client's own cache, give up the refused set; `false` where neither has anything from IMDS. */
  async #renew({ accessKeyId: refused }: Refused): Promise<boolean> {
    if (!(await this.#hasImds())) return false
    if ((await this.#provider()).accessKeyId === refused)
      await inquireOnce(sourceOf(this.#provider), refused, () => this.#refreshAll())
    // The SDK's cache on a chain would keep it until 5 min before its expiration, and heeds nothing but this.
    if (await this.#isBehind(refused))
      await inquireOnce(this.#config, refused, () => this.#refreshThroughClient())
    return true
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

  /** Whether the client still has what the provider has replaced. */
  async #isBehind(refused: string): Promise<boolean> {
    const { accessKeyId } = await this.#provider()
    const held = await this.#config.credentials()
    return accessKeyId !== refused && held.accessKeyId === refused && isFromImds(held)
  }

  /** Whether `accessKeyId`, which has signed again, is another of the role's; or the refused one, after a wait, where that is fresh. */
  async #isWorthSending(accessKeyId: string, refused: Refused): Promise<boolean> {
    if (!(await this.#isOfRole(accessKeyId))) return false
    if (accessKeyId === refused.accessKeyId) {
      if (!this.#isFresh(refused)) return false
      await getKnown()
    }
    this.#noteUse(accessKeyId)
    return true
  }

  async #isOfRole(accessKeyId: string): Promise<boolean> {
    if ((await this.#provider()).accessKeyId === accessKeyId) return true
    const held = await this.#config.credentials()
    return held.accessKeyId === accessKeyId && isFromImds(held)
  }

  #noteUse(accessKeyId: string): void {
    if (this.#latest?.accessKeyId === accessKeyId) return
    this.#latest = { accessKeyId, firstUsedAt: systemRuntime.elapsed() }
  }

  #isFresh({ accessKeyId, refusal }: Refused): boolean {
    if (refusal !== 'unknown' || this.#latest?.accessKeyId !== accessKeyId) return false
    return systemRuntime.elapsed() - this.#latest.firstUsedAt < FRESH_MS
  }
}

/** Time for word of a fresh set to get round; somebody waits, so the process stays alive. */
async function getKnown(): Promise<void> {
  const release = systemRuntime.keepAlive()
  await systemRuntime.sleep(GET_KNOWN_MS)
  release()
}

/** What `work` gives; `false` where it fails or the call is aborted, which the SDK's retries then report as such. */
async function unlessCalledOff(
  { __smithy_context: { abortSignal } = {} }: HandlerExecutionContext,
  work: Promise<boolean>,
): Promise<boolean> {
  return (isAbortSignal(abortSignal) ? unlessAborted(abortSignal, work) : work).catch(() => false)
}

/** By the mark for the SDK's user agent, which what a role assumed has not. */
function isFromImds(identity: object): boolean {
  if (!('$source' in identity) || typeof identity.$source !== 'object' || identity.$source === null)
    return false
  return 'CREDENTIALS_IMDS' in identity.$source
}
