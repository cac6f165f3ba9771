import { setMaxListeners } from 'node:events'
import type { Logger } from '@smithy/types'
import pRetry from 'p-retry'
import { unlessAborted } from './abort.js'
import { checkDuration, checkOptions, type CheckedOptions, requireEnabled, resolveConfig } from './config.js'
import { type InstanceRoleCredentials, toCredentials } from './credentials-identity.js'
import type { LoadedRole } from './credentials-load.js'
import type { CredentialsSource } from './credentials-source.js'
import { InstanceRoleError, TREATMENTS } from './errors.js'
import type { InstanceRoleCallProperties, InstanceRoleOptions, ReadyOptions } from './options.js'
import { type Held, wasTriedLately } from './refresh-schedule.js'
import { type Lease, leaseSource } from './shared-sources.js'
import type { World } from './world.js'

/** How long failures that may pass are tried again, and the last of them. */
interface Patience {
  readonly forMs: number
  lastFailure?: unknown
}

const NONE: InstanceRoleCallProperties = {}
const DEFAULT_READY_TIMEOUT_MS = 60_000

/** One provider's use of a source: opened at the first call, closed once. */
export class SourceUse {
  readonly #options: InstanceRoleOptions
  readonly #checked: CheckedOptions
  readonly #world: World
  readonly #closing = new AbortController()
  #lease: Lease | undefined
  #opening: Promise<Lease> | undefined

  constructor(options: InstanceRoleOptions, world: World) {
    this.#options = options
    this.#checked = checkOptions(options)
    this.#world = world
    // Every caller who waits listens to it, a thousand at a time.
    setMaxListeners(0, this.#closing.signal)
  }

  /** `undefined` before the first call and after the end. */
  get source(): CredentialsSource | undefined {
    return this.#lease?.source
  }

  /** Runs about twice per request of every client: a hit is a few comparisons and a copy. */
  credentials(properties: InstanceRoleCallProperties = NONE): Promise<InstanceRoleCredentials> {
    const source = this.#lease?.source
    if (source !== undefined && properties.forceRefresh !== true) {
      const held = source.peek(this.#logger(properties))
      if (held !== undefined && !this.#isShort(held, properties, source))
        return Promise.resolve(handOut(held, source))
    }
    const patience: Patience = { forMs: this.#checked.waitForRoleMs ?? 0 }
    return this.#wait(this.#find(properties, patience), properties.abortSignal)
  }

  async ready({ timeout, abortSignal }: ReadyOptions = {}): Promise<InstanceRoleCredentials> {
    const timeoutMs = checkDuration('timeout', timeout) ?? DEFAULT_READY_TIMEOUT_MS
    const end = new AbortController()
    const patience: Patience = { forMs: timeoutMs }
    const cancel = this.#world.runtime.after(timeoutMs, () =>
      end.abort(patience.lastFailure ?? notReady(timeoutMs)),
    )
    const stop = (): void => end.abort(abortSignal?.reason)
    if (abortSignal?.aborted === true) stop()
    abortSignal?.addEventListener('abort', stop, { once: true })
    try {
      return await this.#wait(this.#find({ abortSignal: end.signal }, patience), end.signal)
    } finally {
      cancel()
      abortSignal?.removeEventListener('abort', stop)
    }
  }

  close(): void {
    this.#closing.abort(new InstanceRoleError('CLOSED', 'The instance role provider was closed.'))
    this.#lease?.release()
    this.#lease = undefined
  }

  /** Somebody who waits keeps the process alive; the load itself does not. */
  async #wait<T>(work: Promise<T>, abortSignal: AbortSignal | undefined): Promise<T> {
    const release = this.#world.runtime.keepAlive()
    try {
      const open = unlessAborted(this.#closing.signal, work)
      return await (abortSignal === undefined ? open : unlessAborted(abortSignal, open))
    } finally {
      release()
    }
  }

  async #find(properties: InstanceRoleCallProperties, patience: Patience): Promise<InstanceRoleCredentials> {
    this.#closing.signal.throwIfAborted()
    const { source } = this.#lease ?? (await this.#leaseOnce(properties.callerClientConfig?.profile))
    const logger = this.#logger(properties)
    if (properties.forceRefresh === true) return handOut(await source.refresh(logger), source)
    const held = await this.#persist(() => source.get(logger), source, patience, properties.abortSignal)
    const isWorthATry = this.#isShort(held, properties, source) && !wasTriedLately(source.now(), held)
    return handOut(isWorthATry ? await source.refresh(logger) : held, source)
  }

  /** A role can appear some time after the instance has booted: tries again while patience lasts. */
  #persist<T>(
    work: () => Promise<T>,
    source: CredentialsSource,
    patience: Patience,
    abortSignal: AbortSignal | undefined,
  ): Promise<T> {
    const { runtime } = this.#world
    if (patience.forMs === 0) return work()
    // Told by a timer: a wall clock that is stepped back must not give more of it.
    let isPatient = true
    const cancel = runtime.after(patience.forMs, () => (isPatient = false))
    const isWanted = (): boolean =>
      isPatient && !this.#closing.signal.aborted && abortSignal?.aborted !== true
    const patientUntil = runtime.now() + patience.forMs
    return pRetry(work, {
      retries: Infinity,
      minTimeout: 0,
      shouldRetry: async ({ error }) => {
        patience.lastFailure = error
        if (!mayPass(error)) return false
        // Another who waits may have tried meanwhile: then the pause begins anew.
        for (let pauseMs = source.pauseMs(); pauseMs > 0; pauseMs = source.pauseMs()) {
          if (!isWanted() || runtime.now() + pauseMs >= patientUntil) return false
          await runtime.sleep(pauseMs)
        }
        return isWanted()
      },
    }).finally(cancel)
  }

  #isShort(
    held: Held<LoadedRole>,
    properties: InstanceRoleCallProperties,
    source: CredentialsSource,
  ): boolean {
    const minTtlMs = properties.minTtl ?? this.#checked.minTtlMs
    return minTtlMs !== undefined && held.value.expiresAt - source.now() < minTtlMs
  }

  #leaseOnce(callerProfile: string | undefined): Promise<Lease> {
    this.#opening ??= this.#leaseSource(callerProfile).finally(() => (this.#opening = undefined))
    return this.#opening
  }

  async #leaseSource(callerProfile: string | undefined): Promise<Lease> {
    const { runtime, registry, configSources } = this.#world
    const config = await resolveConfig(this.#checked, configSources(this.#checked.profile ?? callerProfile))
    requireEnabled(config)
    this.#closing.signal.throwIfAborted()
    const { dispatcher, isolated = false } = this.#options
    this.#lease = leaseSource({ config, dispatcher, isolated, runtime, registry })
    return this.#lease
  }

  #logger(properties: InstanceRoleCallProperties): Logger | undefined {
    return this.#options.logger ?? properties.callerClientConfig?.logger
  }
}

function handOut(held: Held<LoadedRole>, source: CredentialsSource): InstanceRoleCredentials {
  return toCredentials(held, source.now(), source.correctionMs())
}

function notReady(timeoutMs: number): InstanceRoleError {
  return new InstanceRoleError('TIMEOUT', `There were no credentials within ${timeoutMs} ms.`, {
    timedOut: true,
  })
}

function mayPass(error: unknown): boolean {
  return error instanceof InstanceRoleError && TREATMENTS[error.code].mayPass
}
