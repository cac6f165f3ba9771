import type { InstanceRoleCredentials } from './credentials-identity.js'
import type { InstanceRoleCallProperties, InstanceRoleOptions, ReadyOptions } from '../config/options.js'
import { ProviderCalls } from './provider-calls.js'
import { describeStatus, inspectStatus, type InstanceRoleStatus } from './status.js'
import { beginStackAt } from '../errors.js'
import { systemEnvironment, type Environment } from './environment.js'

/** A credentials function for any AWS SDK v3 client. */
export interface InstanceRoleProvider extends AsyncDisposable {
  /**
   * The credentials of the instance's role: at once while the cached ones are valid, otherwise after a load.
   *
   * @throws {InstanceRoleError} every code but `METADATA_ABSENT` and `METADATA_NOT_TEXT`; or the reason of `abortSignal`
   */
  (properties?: InstanceRoleCallProperties): Promise<InstanceRoleCredentials>
  /** Tells the SDK not to put a cache of its own in front, which would block and fail 5 min before each expiration. */
  memoized: boolean
  /** State, role, expiration, last success, last error code and next refresh: safe to show, no secret in it. */
  status(): InstanceRoleStatus
  /**
   * Waits until there are credentials, for example while an instance boots, and gives them.
   *
   * @throws {InstanceRoleError} the last failure when time is up; at once, a failure that waiting cannot fix
   */
  ready(options?: ReadyOptions): Promise<InstanceRoleCredentials>
  /**
   * Marks the cached credentials as invalid: the next call waits for a fresh load, and returns the cached ones only if that fails.
   * A load that is under way counts as the fresh one. Before the first call, this does nothing.
   */
  invalidate(): void
  /** Ends the waits of its callers with `CLOSED`, and the load under way if nobody else shares it. */
  close(): Promise<void>
}

/**
 * The credentials of the IAM role of this EC2 instance, from IMDSv2: cached, refreshed ahead of their expiration, and shared
 * with every other provider of the process that has the same settings.
 *
 * Environment and config file are read at the first call.
 *
 * @example
 * const s3 = new S3Client({ credentials: fromInstanceRole() })
 *
 * @throws {InstanceRoleError} `BAD_CONFIG`, at once, for a malformed option
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html
 */
export function fromInstanceRole(options: InstanceRoleOptions = {}): InstanceRoleProvider {
  try {
    return createProvider(options, systemEnvironment())
  } catch (error) {
    throw beginStackAt(fromInstanceRole, error)
  }
}

/** How `util.inspect` finds what an object says of itself; the same in every realm. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

const callsOf = new WeakMap<object, ProviderCalls>()

/** What `provider` takes its credentials from, the same for all that share them; itself where that is not known. */
export function sourceOf(provider: object): object {
  return callsOf.get(provider)?.source ?? provider
}

/** `fromInstanceRole` in a given environment. */
export function createProvider(options: InstanceRoleOptions, environment: Environment): InstanceRoleProvider {
  const use = new ProviderCalls(options, environment)
  const close = (): Promise<void> => {
    use.close()
    return Promise.resolve()
  }
  const { now } = environment.runtime
  const status = (): InstanceRoleStatus => describeStatus(use.status(), use.source?.now() ?? now())
  const provider = Object.assign((properties?: InstanceRoleCallProperties) => use.credentials(properties), {
    memoized: true,
    status,
    ready: (readyOptions?: ReadyOptions) => use.ready(readyOptions),
    invalidate: () => use.invalidate(),
    close,
    [Symbol.asyncDispose]: close,
  })
  // Not enumerable, so that nothing copies it.
  Object.defineProperty(provider, INSPECT, { value: () => inspectStatus(status(), now()) })
  callsOf.set(provider, use)
  return provider
}
