import { type Dispatcher } from 'undici'
import pRetry from 'p-retry'
import { unlessAborted } from './abort.js'
import { InstanceRoleError, type LoadStep } from './errors.js'
import { MetadataClient, type MetadataTokenCache } from './imds/metadata-client.js'
import { startTimeLimit } from './imds/time-limit.js'
import { openTransport } from './imds/transport.js'
import { LoadTrace } from './load-trace.js'
import { type Expiring } from './refresh-schedule.js'
import { count, newTally, retryDelayMs, type Tally } from './retry-policy.js'
import { parseRoleCredentials, parseRoleName, type RoleCredentials } from './role-credentials.js'
import { type Runtime } from './runtime.js'

/** What one load brings. Its `id` is the access key's. */
export interface LoadedRole extends Expiring {
  readonly roleName: string
  readonly credentials: RoleCredentials
}

/** What is kept from one try, and from one load, to the next. */
export interface RoleMemory {
  /** The role that was discovered last; always absent where the role is named by configuration. */
  discovered?: string
}

export interface LoadOptions {
  readonly endpoint: string
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly retries: number
  readonly imdsV1Fallback: boolean
  /** The role's name by configuration; `undefined` to take the one that IMDS lists. */
  readonly roleName: string | undefined
  readonly dispatcher: Dispatcher | undefined
  readonly userAgent: string
  readonly runtime: Runtime
  readonly token: MetadataTokenCache
  readonly memory: RoleMemory
  /** Ends the load early; its reason is what the load rejects with. */
  readonly signal: AbortSignal
  readonly onRequest: (step: LoadStep) => void
  readonly onV1: () => void
}

const CREDENTIALS_PATH = '/latest/meta-data/iam/security-credentials/'

/**
 * One load: metadata token, role name, credentials, all under one deadline.
 *
 * @throws {InstanceRoleError} with `attempts`, or the reason of `signal`
 */
export async function loadRoleCredentials(options: LoadOptions): Promise<LoadedRole> {
  const trace = new LoadTrace(options.endpoint, options.runtime.now)
  try {
    const loaded = await loadWithin(options, trace)
    trace.ended(loaded.roleName, loaded.credentials.expiration)
    return loaded
  } catch (error) {
    trace.failed(error)
    throw error
  }
}

/** Holds the load to its deadline and its signal. */
async function loadWithin(options: LoadOptions, trace: LoadTrace): Promise<LoadedRole> {
  const { runtime, deadlineMs, signal } = options
  const tally = newTally()
  const end = new AbortController()
  const passOn = (): void => end.abort(signal.reason)
  signal.addEventListener('abort', passOn, { once: true })
  const cancelLimit = startTimeLimit(runtime, deadlineMs, (blockedMs) =>
    end.abort(overdue(tally, deadlineMs, blockedMs)),
  )
  const transport = openTransport({ ...options, signal: end.signal })
  try {
    const client = new MetadataClient({ ...options, now: runtime.now, transport })
    return await unlessAborted(
      end.signal,
      retryTries({ ...options, signal: end.signal }, client, tally, trace),
    )
  } finally {
    cancelLimit()
    signal.removeEventListener('abort', passOn)
    transport.close()
  }
}

/** The load is retried as a whole; what has succeeded is kept, so that each try resumes at the step that failed. */
function retryTries(
  options: LoadOptions,
  client: MetadataClient,
  tally: Tally,
  trace: LoadTrace,
): Promise<LoadedRole> {
  const { runtime, retries, deadlineMs, signal } = options
  const deadlineAt = runtime.now() + deadlineMs
  // p-retry's own delay has its jitter before its cap, and knows neither Retry-After nor a test's clock: it stays at 0.
  return pRetry(() => traceTry(trace, () => tryOnce(options, client)), {
    retries: Infinity,
    minTimeout: 0,
    signal,
    shouldRetry: async ({ error }) => {
      if (signal.aborted || !(error instanceof InstanceRoleError)) return false
      count(tally, error)
      const delayMs = retryDelayMs(
        error,
        tally,
        { retries, remainingMs: deadlineAt - runtime.now() },
        runtime.random,
      )
      if (delayMs === undefined) throw error.afterAttempts(tally.attempts)
      if (delayMs > 0) await runtime.sleep(delayMs)
      return true
    },
  })
}

async function traceTry<T>(trace: LoadTrace, work: () => Promise<T>): Promise<T> {
  trace.attempt()
  try {
    const result = await work()
    trace.attemptEnded()
    return result
  } catch (error) {
    trace.attemptEnded(error)
    throw error
  }
}

async function tryOnce({ roleName, memory }: LoadOptions, client: MetadataClient): Promise<LoadedRole> {
  const name = roleName ?? memory.discovered ?? (await discoverRole(client))
  if (roleName === undefined) memory.discovered = name
  const document = await client.get(CREDENTIALS_PATH + encodeURIComponent(name), 'credentials')
  if (document === undefined) {
    delete memory.discovered
    throw roleName === undefined ? vanishedRole(name) : roleNotFound(name)
  }
  const credentials = parseRoleCredentials(document)
  return {
    roleName: name,
    credentials,
    id: credentials.accessKeyId,
    expiresAt: credentials.expiration.getTime(),
  }
}

async function discoverRole(client: MetadataClient): Promise<string> {
  const listing = await client.get(CREDENTIALS_PATH, 'role')
  if (listing === undefined) {
    const message = 'IMDS lists no role: no instance profile is attached to this instance.'
    throw new InstanceRoleError('NO_ROLE', message, { step: 'role', statusCode: 404 })
  }
  const name = parseRoleName(listing)
  if (name !== undefined) return name
  const message = 'IMDS lists no role: the instance profile that is attached to this instance holds none.'
  throw new InstanceRoleError('NO_ROLE', message, { step: 'role' })
}

function vanishedRole(name: string): InstanceRoleError {
  const message = `IMDS lists the role ${name} but has no credentials for it (404): it was detached.`
  return new InstanceRoleError('NO_ROLE', message, { step: 'credentials', statusCode: 404 })
}

function roleNotFound(name: string): InstanceRoleError {
  const message = `IMDS has no role ${name} (404), which is asked for by name.`
  return new InstanceRoleError('ROLE_NOT_FOUND', message, { step: 'credentials', statusCode: 404 })
}

/** What failed last says more than that time is up. */
function overdue({ lastFailure, attempts }: Tally, deadlineMs: number, blockedMs: number): InstanceRoleError {
  if (lastFailure !== undefined) return lastFailure.afterAttempts(attempts)
  const blocked =
    blockedMs === 0 ? '' : `; the event loop of this process was blocked for ${blockedMs} ms of it`
  const message = `IMDS gave no credentials within the deadline of ${deadlineMs} ms${blocked}.`
  return new InstanceRoleError('TIMEOUT', message, { timedOut: true, attempts: 1 })
}
