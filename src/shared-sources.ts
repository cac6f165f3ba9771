import type { Logger } from '@smithy/types'
import type { Dispatcher } from 'undici'
import type { InstanceRoleConfig, Setting } from './config.js'
import { CredentialsSource } from './credentials-source.js'
import type { ImdsAccess } from './imds-load.js'
import { EndpointChoice } from './imds/endpoint-choice.js'
import { createMetadataTokenCache, type MetadataTokenCache } from './imds/imds-reader.js'
import { PROCESS_WIDE } from './process-wide.js'
import type { Runtime } from './runtime.js'
import { VERSION } from './version.js'

/** Sources and metadata tokens that are held together. */
export interface SourceRegistry {
  readonly sources: Map<string, CredentialsSource>
  readonly tokens: Map<string, MetadataTokenCache>
  dispatcherIds?: WeakMap<object, number>
  lastDispatcherId?: number
}

const shared: typeof globalThis & { [PROCESS_WIDE]?: SourceRegistry } = globalThis

/** What all copies of this package in the process hold together. Entries come from whichever copy was first. */
export function processRegistry(): SourceRegistry {
  const registry = shared[PROCESS_WIDE] ?? createRegistry()
  shared[PROCESS_WIDE] = registry
  return registry
}

export function createRegistry(): SourceRegistry {
  return { sources: new Map(), tokens: new Map() }
}

export interface AccessOptions {
  readonly registry: SourceRegistry
  readonly config: InstanceRoleConfig
  readonly dispatcher: Dispatcher | undefined
  readonly runtime: Runtime
}

export interface UseOptions extends AccessOptions {
  readonly isolated: boolean
  /** Of the provider itself. */
  readonly logger: Logger | undefined
}

/** The source for a configuration: the registry's, or a new one where it is to be `isolated`. Each use is released once. */
export function retainSource(options: UseOptions): CredentialsSource {
  const source = options.isolated
    ? createSource({ ...options, registry: createRegistry() })
    : sharedSource(options)
  source.retain(options.logger)
  return source
}

/** The last use of a source ends it, and leaves nothing of a dispatcher: its metadata tokens can be taken again. */
export function releaseSource(
  source: CredentialsSource,
  { registry, dispatcher, logger }: Pick<UseOptions, 'registry' | 'dispatcher' | 'logger'>,
): void {
  if (!source.release(logger)) return
  const { sources, tokens } = registry
  for (const [key, known] of sources) if (known === source) sources.delete(key)
  if (dispatcher === undefined) return
  const end = `,${dispatcherId(registry, dispatcher)}]`
  for (const key of tokens.keys()) if (key.endsWith(end)) tokens.delete(key)
}

function sharedSource(options: UseOptions): CredentialsSource {
  const { sources } = options.registry
  const key = keyOf(options)
  const source = sources.get(key) ?? createSource(options)
  sources.set(key, source)
  return source
}

function createSource(options: UseOptions): CredentialsSource {
  const { roleName, accountId } = options.config
  return new CredentialsSource(imdsAccess(options), { roleName: roleName.value, accountId: accountId.value })
}

/** Includes the metadata tokens that are held: a token is good for its endpoint, whoever took it. */
export function imdsAccess({ config, dispatcher, runtime, registry }: AccessOptions): ImdsAccess {
  const { tokens } = registry
  return {
    endpoints: new EndpointChoice(config.endpoint.value, config.alternativeEndpoint.value),
    timeoutMs: config.timeoutMs.value,
    deadlineMs: config.deadlineMs.value,
    retries: config.retries.value,
    imdsV1Fallback: config.imdsV1Fallback.value,
    dispatcher,
    userAgent: `instance-role/${VERSION}`,
    runtime,
    tokenOf: (endpoint) => {
      const key = JSON.stringify([endpoint, dispatcherId(registry, dispatcher)])
      const token = tokens.get(key) ?? createMetadataTokenCache(runtime.now)
      tokens.set(key, token)
      return token
    },
  }
}

/** Two configurations that lead to the same requests are one; where their values come from does not matter. */
function keyOf({ config, dispatcher, registry }: UseOptions): string {
  const settings = Object.values<Setting<unknown>>({ ...config }).map(({ value }) => value ?? null)
  return JSON.stringify([...settings, dispatcherId(registry, dispatcher)])
}

/** 0 stands for direct connections. */
function dispatcherId(registry: SourceRegistry, dispatcher: Dispatcher | undefined): number {
  if (dispatcher === undefined) return 0
  const ids = (registry.dispatcherIds ??= new WeakMap<object, number>())
  const known = ids.get(dispatcher)
  if (known !== undefined) return known
  const id = (registry.lastDispatcherId ?? 0) + 1
  registry.lastDispatcherId = id
  ids.set(dispatcher, id)
  return id
}
