import { type Clock, ambientClock } from './clock.js'
import { CredentialsRenewal, type IssuedCredentials } from './credentials-renewal.js'
import { FaultScript, type Step } from './fault-script.js'
import { type Fault, type Outcome, withFault } from './faults.js'
import { createDispatcher, type EmulatedDispatcher } from './dispatcher-front.js'
import {
  type IamRole,
  type InstanceProfile,
  iamRole,
  instanceProfile,
  instanceProfileOf,
} from './iam-model.js'
import { type EmulatedRequest, imdsReply, TOKEN_PATH, withCommonHeaders } from './imds-protocol.js'
import {
  type InstanceOptions,
  type MetadataOptions,
  type Settings,
  requireMetadataOptions,
  resolveOptions,
  withoutUndefined,
} from './instance-options.js'
import { type ListenOptions, type LoopbackServer, listenOnLoopback } from './loopback-front.js'
import {
  type Association,
  type InstanceFacts,
  type MetadataDirectory,
  lookUp,
  metadataRoot,
  parseMetadataPath,
  withText,
} from './metadata-tree.js'
import { MetadataTokens } from './metadata-tokens.js'
import { type MswHandlers, createMswHandlers } from './msw-front.js'
import { forgetInstance, resetInstanceRole } from './provider-state.js'
import { errorPage } from './reply.js'
import { RequestLog } from './request-log.js'

/** An EC2 instance in a test: its role, its credentials, and its metadata service. */
export interface EmulatedInstance {
  /** For example `i-0123456789abcdef0`. */
  readonly instanceId: string
  /** The clock of the instance. */
  readonly clock: Clock

  /** The associated instance profile. */
  readonly profile: InstanceProfile | undefined
  /** The role in the associated profile. */
  readonly role: IamRole | undefined
  /** Attaches a role as the console does: with an instance profile of the same name, which replaces the associated one. */
  attachRole(role: IamRole | string): InstanceProfile
  /** Like `AssociateIamInstanceProfile`. Throws if a profile is associated. */
  associateProfile(profile: InstanceProfile): void
  /** Like `ReplaceIamInstanceProfileAssociation`. Throws if no profile is associated. */
  replaceProfile(profile: InstanceProfile): void
  /** Like `DisassociateIamInstanceProfile`. Throws if no profile is associated. */
  disassociateProfile(): void

  /** The current credentials. `undefined` if IMDS has none. */
  readonly credentials: IssuedCredentials | undefined
  /** Finds credentials that this instance has issued, expired ones included. A server in a test can verify signatures with them. */
  findCredentials(accessKeyId: string): IssuedCredentials | undefined
  /** Makes STS issue new credentials now, which replace the current ones. Throws if no profile is associated. */
  rotate(): void

  /** Like `ModifyInstanceMetadataOptions`. Omitted options do not change. Throws `RangeError` for a malformed one. */
  modifyMetadataOptions(options: Partial<MetadataOptions>): void
  /**
   * Makes IMDS return `text` at a path below `/latest/meta-data/`, such as a notice at `spot/instance-action`, or at a whole path
   * such as `/latest/user-data`. `undefined` removes the text.
   *
   * @throws RangeError for a path that IMDS cannot have, such as `a//b`
   */
  setMetadata(path: string, text: string | undefined): void
  /** Makes IMDS forget every metadata token, as when an instance is resumed. */
  forgetTokens(): void

  /**
   * Makes the next requests of a step fail: each fault applies to one request, in order. The requests after those succeed.
   *
   * @example
   * instance.fail('credentials', { status: 500 }, 'silence')
   *
   * @throws TypeError for an unknown fault
   */
  fail(step: Step, ...faults: readonly Fault[]): void
  /**
   * Makes every request of a step fail for `durationMs`, by the clock of the instance. The returned function ends the fault earlier.
   *
   * @throws TypeError for an unknown fault
   */
  failFor(durationMs: number, step: Step, fault: Fault): () => void
  /**
   * Makes every request of a step fail until the returned function or `clearFaults()` is called.
   *
   * @example
   * const recover = instance.failUntilLifted('all', 'silence')
   * // The application runs on while IMDS is down.
   * recover()
   *
   * @throws TypeError for an unknown fault
   */
  failUntilLifted(step: Step, fault: Fault): () => void
  /**
   * Answers at most `requestsPerSecond` requests in any second, and further ones with `status` (429 by default). The returned
   * function removes the limit.
   *
   * Requests that fail with another fault do not count.
   */
  throttle(limit: { readonly requestsPerSecond: number; readonly status?: number }): () => void
  /** Removes every fault, and the limit of `throttle`. */
  clearFaults(): void

  /** The requests so far and how they were answered, such as `PUT /latest/api/token 200`. They contain no token and no key. */
  readonly requests: readonly string[]
  /** Empties the log of requests. */
  clearRequests(): void

  /** Decides how a request is answered, without I/O. `handlers`, `dispatcher` and `listen()` use it for each request. */
  answer(request: EmulatedRequest): Outcome
  /** Request handlers for msw 2 or 3: `setupServer(...instance.handlers)`. Throws if msw is not installed. */
  readonly handlers: MswHandlers
  /** For the option `dispatcher` of a provider: its requests go to this instance without a socket, whatever its endpoint. */
  readonly dispatcher: EmulatedDispatcher
  /** Serves the instance on a port of the loopback address, for child processes and other languages. */
  listen(options?: ListenOptions): Promise<LoopbackServer>

  /** Stops every server, ends every unanswered request, and makes the providers of this process forget the instance. */
  close(): Promise<void>
  /** Like `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Emulates an EC2 instance with an IAM role. Requests reach it by its `handlers` (msw), `listen()` (a real port) or `dispatcher`.
 *
 * The providers of this process forget the region, availability zone, instance ID and identity document of an instance before it.
 *
 * @example
 * await using instance = emulateInstance()
 * const server = setupServer(...instance.handlers)
 *
 * @throws RangeError for a malformed option
 */
export function emulateInstance(options: InstanceOptions = {}): EmulatedInstance {
  forgetInstance()
  return new Instance(resolveOptions(options), options.clock ?? ambientClock)
}

class Instance implements EmulatedInstance {
  readonly instanceId: string
  readonly clock: Clock
  readonly dispatcher: EmulatedDispatcher
  readonly #settings: Settings
  readonly #launchedAt: number
  readonly #renewal: CredentialsRenewal
  readonly #tokens = new MetadataTokens()
  readonly #faults = new FaultScript()
  readonly #log = new RequestLog()
  readonly #servers = new Set<LoopbackServer>()
  readonly #closing = new AbortController()
  readonly #texts = new Map<string, TextAt>()
  #metadata: MetadataOptions
  #profile: InstanceProfile | undefined
  #handlers: MswHandlers | undefined

  constructor(settings: Settings, clock: Clock) {
    this.instanceId = settings.instanceId
    this.clock = clock
    this.dispatcher = createDispatcher(this)
    this.#settings = settings
    this.#metadata = settings
    this.#launchedAt = clock.now()
    this.#renewal = new CredentialsRenewal({ ...settings, now: () => clock.now() })
    this.#associate(profileOf(settings))
  }

  get closed(): AbortSignal {
    return this.#closing.signal
  }

  get profile(): InstanceProfile | undefined {
    return this.#profile
  }

  get role(): IamRole | undefined {
    return this.#profile?.role
  }

  attachRole(role: IamRole | string): InstanceProfile {
    const { accountId } = this.#settings
    const profile = instanceProfileOf(typeof role === 'string' ? iamRole({ name: role, accountId }) : role)
    this.#associate(profile)
    return profile
  }

  associateProfile(profile: InstanceProfile): void {
    if (this.#profile !== undefined) {
      throw new Error(`IncorrectState: There is an existing association for instance ${this.instanceId}`)
    }
    this.#associate(profile)
  }

  replaceProfile(profile: InstanceProfile): void {
    this.#requireAssociation()
    this.#associate(profile)
  }

  disassociateProfile(): void {
    this.#requireAssociation()
    this.#profile = undefined
  }

  get credentials(): IssuedCredentials | undefined {
    return this.#association()?.delivered?.credentials
  }

  findCredentials(accessKeyId: string): IssuedCredentials | undefined {
    return this.#renewal.find(accessKeyId)
  }

  rotate(): void {
    this.#renewal.rotate(this.#requireAssociation())
  }

  modifyMetadataOptions(options: Partial<MetadataOptions>): void {
    const modified = { ...this.#metadata, ...withoutUndefined(options) }
    requireMetadataOptions(modified)
    this.#metadata = modified
  }

  setMetadata(path: string, text: string | undefined): void {
    const names = parseMetadataPath(path)
    const key = names.join('/')
    if (text === undefined) this.#texts.delete(key)
    else this.#texts.set(key, { names, text })
  }

  forgetTokens(): void {
    this.#tokens.forget()
  }

  fail(step: Step, ...faults: readonly Fault[]): void {
    this.#faults.order(step, faults)
  }

  failFor(durationMs: number, step: Step, fault: Fault): () => void {
    return this.#faults.stand(step, fault, this.clock.now() + durationMs)
  }

  failUntilLifted(step: Step, fault: Fault): () => void {
    return this.#faults.stand(step, fault, Infinity)
  }

  throttle({ requestsPerSecond, status = 429 }: { requestsPerSecond: number; status?: number }): () => void {
    return this.#faults.throttle(requestsPerSecond, status)
  }

  clearFaults(): void {
    this.#faults.clear()
  }

  get requests(): readonly string[] {
    return this.#log.entries
  }

  clearRequests(): void {
    this.#log.clear()
  }

  answer(request: EmulatedRequest): Outcome {
    const [path = '/'] = request.path.split('?')
    const outcome = this.#isBeyondHopLimit({ ...request, path })
      ? SILENCE
      : this.#decide({ ...request, path })
    return this.#record({ ...request, path }, outcome)
  }

  refuse(request: EmulatedRequest): Outcome {
    const [path = '/'] = request.path.split('?')
    const reply = withCommonHeaders(errorPage(403), this.clock.now())
    return this.#record({ ...request, path }, { kind: 'reply', reply, delayMs: 0 })
  }

  get handlers(): MswHandlers {
    return (this.#handlers ??= createMswHandlers(this))
  }

  async listen(options: ListenOptions = {}): Promise<LoopbackServer> {
    const server = await listenOnLoopback(this, options)
    this.#servers.add(server)
    return server
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#servers].map((server) => server.close()))
    resetInstanceRole()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #associate(profile: InstanceProfile): void {
    this.#profile = profile
    this.#renewal.rotate(profile)
  }

  #requireAssociation(): InstanceProfile {
    if (this.#profile !== undefined) return this.#profile
    throw new Error(
      `InvalidAssociationID.NotFound: no instance profile is associated with ${this.instanceId}`,
    )
  }

  #association(): Association | undefined {
    const profile = this.#profile
    return profile && { profile, delivered: this.#renewal.deliver(profile) }
  }

  #record({ method, path }: EmulatedRequest, outcome: Outcome): Outcome {
    const entry = this.#log.record(method, path, outcome)
    this.#settings.onRequest?.(entry)
    return outcome
  }

  #isBeyondHopLimit({ path, hopsAway }: EmulatedRequest): boolean {
    return path === TOKEN_PATH && (hopsAway ?? this.#metadata.hopsAway) >= this.#metadata.hopLimit
  }

  #decide(request: EmulatedRequest): Outcome {
    const now = this.clock.now()
    const reply = imdsReply(request, {
      ...this.#metadata,
      now,
      tokens: this.#tokens,
      lookUp: (path) => lookUp(this.#metadataRoot(), path),
      lastModifiedAt: this.credentials?.issuedAt ?? this.#launchedAt,
    })
    const outcome = withFault(this.#faults.take(request.path, now), reply, now)
    return 'reply' in outcome ? { ...outcome, reply: withCommonHeaders(outcome.reply, now) } : outcome
  }

  #metadataRoot(): MetadataDirectory {
    const facts: InstanceFacts = { ...this.#settings, launchedAt: this.#launchedAt }
    const root = metadataRoot(facts, this.#association())
    return [...this.#texts.values()].reduce((tree, { names, text }) => withText(tree, names, text), root)
  }
}

/** Text that the test has set at a path. */
interface TextAt {
  readonly names: readonly string[]
  readonly text: string
}

const SILENCE: Outcome = { kind: 'silence' }

function profileOf({ profile, roleName, instanceProfileName, accountId }: Settings): InstanceProfile {
  if (profile !== undefined) return profile
  const role = iamRole({ name: roleName, accountId })
  return instanceProfile({ name: instanceProfileName, accountId, role })
}
