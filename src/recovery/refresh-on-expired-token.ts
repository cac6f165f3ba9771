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
import { memberOf } from '../runtime/member-of.js'
import { systemRuntime } from '../runtime/runtime.js'

/** The part of an AWS SDK v3 client's resolved configuration that is used. */
export interface SigningConfig {
  /** The credentials function that the client calls before it signs. */
  readonly credentials: (properties?: {
    readonly forceRefresh?: boolean
  }) => Promise<{ readonly accessKeyId: string }>
}

/** A plugin for the middleware stack of any AWS SDK v3 client or command, like the SDK's `Pluggable`, for any input and output. */
export interface RefreshOnExpiredTokenPlugin {
  /** Adds the middleware; the SDK calls it. */
  applyToStack(stack: RelativeStack): void
}

interface RelativeStack {
  addRelativeTo(
    middleware: <Input extends object, Output extends object>(
      next: FinalizeHandler<Input, Output>,
      context: HandlerExecutionContext,
    ) => FinalizeHandler<Input, Output>,
    options: RelativeMiddlewareOptions,
  ): void
}

/** Any AWS SDK v3 client. */
export interface SigningClient {
  /** The resolved configuration. */
  readonly config: SigningConfig
  /** Where plugins are added. */
  readonly middlewareStack: { use(plugin: RefreshOnExpiredTokenPlugin): void }
}

/** A provider of `fromInstanceRole()`, or a function that wraps one. */
export type RefreshableProvider = SigningConfig['credentials'] & Pick<InstanceRoleProvider, 'status'>

/** How long credentials count as new, from their first use. IAM is eventually consistent, mostly within seconds. */
const FRESH_MS = 60_000
/** Pause before a request is sent again with new credentials that the service does not know yet. */
const GET_KNOWN_MS = 1_000

/** Before the signing, so that a request that is sent again is signed again. After the client's own retries, which see one attempt. */
const RETRY_MIDDLEWARE: RelativeMiddlewareOptions = {
  name: 'refreshOnExpiredTokenMiddleware',
  tags: ['REFRESH_ON_EXPIRED_TOKEN', 'CREDENTIALS'],
  relation: 'before',
  toMiddleware: 'httpSigningMiddleware',
  override: true,
}

/** After the signing: a request is not always signed with the identity of its call. */
const WITNESS_MIDDLEWARE: RelativeMiddlewareOptions = {
  ...RETRY_MIDDLEWARE,
  name: 'refreshOnExpiredTokenWitnessMiddleware',
  relation: 'after',
}

/**
 * Lets a client recover when a service refuses the instance role's credentials as expired or unknown. IMDS is asked once for newer
 * ones, however many requests fail together, and the request is sent once more. Returns the client.
 *
 * `provider` is the client's own provider, alone or in a chain, or another one with the same settings, which shares its
 * credentials. If the client has its own cache, as the SDK adds to a chain, one more request to IMDS renews that cache.
 *
 * A request whose body is a stream is not sent again, because the stream is consumed; IMDS is asked nevertheless. If there are no
 * newer credentials, the service's own error is thrown. Other credentials than an instance role's are left alone: the request is
 * not sent again, and IMDS is not asked.
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
 * {@link refreshOnExpiredToken} as a plugin for the middleware stack of a client or a command.
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

/** Receives the access key that signed a request. Returns whether to send the request. */
type OnSigned = (accessKeyId: string) => boolean | Promise<boolean>

/** Passed in the arguments, because several calls can share a context if a client caches its middleware. */
const ON_SIGNED = Symbol('instance-role on signed')

type Arguments<Input extends object> = FinalizeHandlerArguments<Input> & { readonly [ON_SIGNED]?: OnSigned }

/** Stops a request before it is sent. No caller sees it. */
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

/** The refused access key, and why it was refused. */
type Refused = Readonly<{ accessKeyId: string; refusal: Refusal }>

class Recovery {
  readonly #config: SigningConfig
  readonly #provider: RefreshableProvider
  /** The requests that were recovered already. */
  readonly #recovered = new WeakSet<object>()
  /** The current access key, and its first use on the monotonic clock. */
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

  /** Each call is recovered once, in whichever of the client's attempts needs it. */
  #refusedBy(error: unknown, accessKeyId: string | undefined, request: unknown): Refused | undefined {
    const refusal = refusalOf(error)
    if (refusal === undefined || accessKeyId === undefined) return undefined
    if (typeof request !== 'object' || request === null || this.#recovered.has(request)) return undefined
    this.#recovered.add(request)
    return { accessKeyId, refusal }
  }

  /**
   * Makes the provider and the client's own cache replace the refused credentials. Returns `false` if neither has credentials from
   * IMDS.
   */
  async #renew({ accessKeyId: refused }: Refused): Promise<boolean> {
    if (!(await this.#hasImds())) return false
    if ((await this.#provider()).accessKeyId === refused)
      await inquireOnce(sourceOf(this.#provider), refused, () => this.#refreshAll())
    const { own, clients } = await this.#keys()
    // The SDK's cache on a chain would keep them until 5 min before their expiration. Only `forceRefresh` renews it.
    if (own !== refused && clients === refused)
      await inquireOnce(this.#config, refused, () => this.#config.credentials({ forceRefresh: true }))
    return true
  }

  /** Without credentials from IMDS in the provider or the client, there may be no IMDS. */
  async #hasImds(): Promise<boolean> {
    return this.#provider.status().expiration !== undefined || isFromImds(await this.#config.credentials())
  }

  /** Renews the client's own cache as well, if it has one. One load, if the client uses the provider. */
  #refreshAll(): Promise<unknown> {
    const wish = { forceRefresh: true }
    return Promise.allSettled([this.#config.credentials(wish), this.#provider(wish)])
  }

  /** The access key of the provider, and that of the client if it comes from IMDS. */
  async #keys(): Promise<{ own: string; clients: string | undefined }> {
    const { accessKeyId: own } = await this.#provider()
    const held = await this.#config.credentials()
    return { own, clients: isFromImds(held) ? held.accessKeyId : undefined }
  }

  /**
   * Whether to send the request that `accessKeyId` has signed again: yes if the key is another one of the role; also if it is the
   * refused one and new, after a pause.
   */
  async #isWorthSending(accessKeyId: string, refused: Refused): Promise<boolean> {
    const isOwn = (await this.#provider()).accessKeyId === accessKeyId
    if (!isOwn && (await this.#keys()).clients !== accessKeyId) return false
    if (accessKeyId === refused.accessKeyId) {
      if (!this.#isFresh(refused)) return false
      await getKnown()
    }
    this.#noteUse(accessKeyId)
    return true
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

/** Waits until services know new credentials. The caller waits, so the process stays alive. */
async function getKnown(): Promise<void> {
  const release = systemRuntime.keepAlive()
  await systemRuntime.sleep(GET_KNOWN_MS)
  release()
}

/** Returns the result of `work`, or `false` if it fails or the call is aborted. The SDK's retries then report the abort. */
async function unlessCalledOff(
  { __smithy_context: { abortSignal } = {} }: HandlerExecutionContext,
  work: Promise<boolean>,
): Promise<boolean> {
  return (isAbortSignal(abortSignal) ? unlessAborted(abortSignal, work) : work).catch(() => false)
}

/** By the mark for the SDK's user agent, which credentials of an assumed role lack. */
function isFromImds(identity: object): boolean {
  return memberOf(memberOf(identity, '$source'), 'CREDENTIALS_IMDS') !== undefined
}
