import { type InstanceRoleConfig, isByDefault } from '../config/config.js'
import { dispatcherTransport } from './dispatcher-transport.js'
import { EndpointChoice } from './endpoint-choice.js'
import { MetadataTokenCache } from './metadata-token.js'
import { httpTransport } from './http-transport.js'
import type { Transport } from './transport.js'
import type { ImdsDispatcher } from '../config/options.js'
import type { ErrorNames } from '../errors.js'
import { type FactRegistry, knownNames } from './instance-facts.js'
import type { Runtime } from '../runtime/runtime.js'
import { VERSION } from '../runtime/version.js'

/** How IMDS is reached, and for how long: the same for every load of a configuration. */
export interface ImdsAccess {
  readonly endpoints: EndpointChoice
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly retries: number
  /** In place of `retries` while there are no credentials yet: without a count where `retries` is set nowhere. */
  readonly coldStartRetries: number
  readonly imdsV1Fallback: boolean
  readonly transport: Transport
  readonly userAgent: string
  readonly runtime: Runtime
  /** The metadata token of each endpoint. */
  readonly tokenOf: (endpoint: string) => MetadataTokenCache
  /** For the commands in errors: where IMDS is, and what is known of the instance without asking. */
  readonly names: () => ErrorNames
}

/** The metadata tokens that are held, by endpoint and dispatcher: a token is good for its endpoint, whoever took it. */
export interface TokenRegistry {
  readonly tokens: Map<string, MetadataTokenCache>
  dispatcherIds?: WeakMap<object, number>
  lastDispatcherId?: number
}

export interface AccessOptions {
  readonly registry: TokenRegistry & FactRegistry
  readonly config: InstanceRoleConfig
  /** Where there is one, it is asked in place of direct connections. */
  readonly dispatcher: ImdsDispatcher | undefined
  readonly runtime: Runtime
}

/** The way to IMDS that a configuration leads to. */
export function imdsAccess({ config, dispatcher, runtime, registry }: AccessOptions): ImdsAccess {
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
    tokenOf: (endpoint) => {
      const key = `${dispatcherId(registry, dispatcher)} ${endpoint}`
      const token = registry.tokens.get(key) ?? new MetadataTokenCache(runtime.now)
      registry.tokens.set(key, token)
      return token
    },
    names: () => ({
      endpoint: endpoints.preferred,
      ...knownNames(registry, dispatcher, config.endpoint.value),
    }),
  }
}

/** Forgets the tokens that were taken through a dispatcher; they can be taken again. */
export function forgetTokens(registry: TokenRegistry, dispatcher: ImdsDispatcher): void {
  const begin = `${dispatcherId(registry, dispatcher)} `
  for (const key of registry.tokens.keys()) if (key.startsWith(begin)) registry.tokens.delete(key)
}

/** 0 stands for direct connections. */
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
