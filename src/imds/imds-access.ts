import { type InstanceRoleConfig, isByDefault } from '../config/config.js'
import { dispatcherTransport } from './dispatcher-transport.js'
import { EndpointChoice } from './endpoint-choice.js'
import { MetadataTokenCache } from './metadata-token.js'
import { httpTransport } from './http-transport.js'
import { forget, keep, type RecentlyUsed, share } from './recently-used.js'
import type { Transport } from './transport.js'
import type { ImdsDispatcher } from '../config/options.js'
import type { ErrorNames } from '../errors.js'
import { type FactRegistry, knownNames } from './instance-facts.js'
import type { Runtime } from '../runtime/runtime.js'
import { VERSION } from '../runtime/version.js'

/** How to reach IMDS and how long to wait: the same for every load of a configuration. */
export interface ImdsAccess {
  readonly endpoints: EndpointChoice
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly retries: number
  /** Replaces `retries` while there are no credentials yet: unlimited if `retries` is not set. */
  readonly coldStartRetries: number
  readonly imdsV1Fallback: boolean
  readonly transport: Transport
  readonly userAgent: string
  readonly runtime: Runtime
  /** The metadata token of each endpoint. */
  readonly tokenOf: (endpoint: string) => MetadataTokenCache
  /** Called after the last load. A metadata token that nobody else uses is forgotten. */
  readonly releaseTokens: () => void
  /** Names for the commands in errors: the endpoint, and what is already known about the instance. */
  readonly names: () => ErrorNames
}

/** The metadata tokens in use, by endpoint and dispatcher. A token is valid for its endpoint, whoever requested it. */
export interface TokenRegistry extends RecentlyUsed {
  readonly tokens: Map<string, WeakRef<MetadataTokenCache>>
  dispatcherIds?: WeakMap<object, number>
  lastDispatcherId?: number
}

export interface AccessOptions {
  readonly registry: TokenRegistry & FactRegistry
  readonly config: InstanceRoleConfig
  /** Sends the requests, if given. */
  readonly dispatcher: ImdsDispatcher | undefined
  readonly runtime: Runtime
}

/** Returns how to reach IMDS with this configuration. */
export function imdsAccess(options: AccessOptions): ImdsAccess {
  const { config, dispatcher, runtime, registry } = options
  const endpoints = new EndpointChoice(config.endpoint.value, config.alternativeEndpoint.value)
  return {
    endpoints,
    timeoutMs: config.timeoutMs.value,
    deadlineMs: config.deadlineMs.value,
    retries: config.retries.value,
    coldStartRetries: isByDefault(config.retries) ? Infinity : config.retries.value,
    imdsV1Fallback: config.imdsV1Fallback.value,
    transport: dispatcher === undefined ? httpTransport(runtime) : dispatcherTransport(runtime, dispatcher),
    userAgent: `instance-role/${VERSION}`,
    runtime,
    ...useTokens(options),
    names: () => ({
      endpoint: endpoints.preferred,
      ...knownNames(registry, dispatcher, config.endpoint.value),
    }),
  }
}

/** The registry holds its tokens weakly; their users hold them strongly. */
function useTokens({
  registry,
  dispatcher,
  runtime,
}: AccessOptions): Pick<ImdsAccess, 'tokenOf' | 'releaseTokens'> {
  const asked = dispatcher ?? registry
  const used = new Map<string, MetadataTokenCache>()
  const use = (endpoint: string): MetadataTokenCache => {
    const key = `${dispatcherId(registry, dispatcher)} ${endpoint}`
    const token = share(registry.tokens, key, () => new MetadataTokenCache(runtime.now))
    token.users += 1
    used.set(endpoint, token)
    keep(registry, asked, token)
    return token
  }
  return {
    tokenOf: (endpoint) => used.get(endpoint) ?? use(endpoint),
    releaseTokens: () => {
      for (const token of used.values()) {
        token.users -= 1
        if (token.users === 0) forget(registry, asked, registry.tokens, token)
      }
      used.clear()
    },
  }
}

/** 0 means direct connections. */
export function dispatcherId(registry: TokenRegistry, dispatcher: ImdsDispatcher | undefined): number {
  if (dispatcher === undefined) return 0
  const ids = (registry.dispatcherIds ??= new WeakMap<object, number>())
  const known = ids.get(dispatcher)
  if (known !== undefined) return known
  const id = (registry.lastDispatcherId ?? 0) + 1
  registry.lastDispatcherId = id
  ids.set(dispatcher, id)
  return id
}
