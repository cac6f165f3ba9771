import type { InstanceRoleConfig } from '../config/config.js'
import { dispatcherTransport } from './dispatcher-transport.js'
import { EndpointChoice } from './endpoint-choice.js'
import { MetadataTokenCache } from './metadata-token.js'
import { httpTransport } from './http-transport.js'
import type { SharedObjects } from './shared-objects.js'
import type { Transport } from './transport.js'
import type { ImdsDispatcher } from '../config/options.js'
import type { ErrorNames, LoadStep } from '../errors.js'
import { INSTANCE_ID_PATH, type InstanceFact, REGION_PATH } from './instance-facts.js'
import type { Runtime } from '../runtime/runtime.js'
import { VERSION } from '../runtime/version.js'

/** How to reach IMDS and how long to wait: the same for every load of a configuration. */
export interface ImdsAccess {
  readonly config: InstanceRoleConfig
  readonly endpoints: EndpointChoice
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly retries: number
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

/** What one load adds. */
export interface ImdsLoadOptions extends ImdsAccess {
  /** Ends the load, which then rejects with its reason. */
  readonly signal: AbortSignal
  /** Whether there are no cached credentials yet. */
  readonly isColdStart: boolean
  readonly onRequest: (step: LoadStep) => void
  /** Called when IMDSv1 has answered, once per load. */
  readonly onV1: () => void
}

/** What is shared by everybody who reaches IMDS. */
export interface ImdsRegistry {
  /** By endpoint. A token is valid for its endpoint, whoever requested it. */
  readonly tokens: SharedObjects<MetadataTokenCache>
  /** By endpoint and path. */
  readonly facts: SharedObjects<InstanceFact>
}

export interface AccessOptions {
  readonly registry: ImdsRegistry
  readonly config: InstanceRoleConfig
  /** Sends the requests, if given. */
  readonly dispatcher: ImdsDispatcher | undefined
  readonly runtime: Runtime
}

/** Returns how to reach IMDS with this configuration. */
export function imdsAccess(options: AccessOptions): ImdsAccess {
  const { config, dispatcher, runtime, registry } = options
  const endpoints = new EndpointChoice(config.endpoint.value, config.alternativeEndpoint.value)
  const known = (path: string): string | undefined =>
    registry.facts.find(dispatcher, `${config.endpoint.value} ${path}`)?.body?.trim()
  return {
    config,
    endpoints,
    timeoutMs: config.timeoutMs.value,
    deadlineMs: config.deadlineMs.value,
    retries: config.retries.value,
    transport: dispatcher === undefined ? httpTransport(runtime) : dispatcherTransport(runtime, dispatcher),
    userAgent: `instance-role/${VERSION}`,
    runtime,
    ...useTokens(options),
    names: () => ({
      endpoint: endpoints.preferred,
      region: known(REGION_PATH),
      instanceId: known(INSTANCE_ID_PATH),
    }),
  }
}

/** The registry holds its tokens weakly; their users hold them strongly. */
function useTokens({
  registry: { tokens },
  dispatcher,
  runtime,
}: AccessOptions): Pick<ImdsAccess, 'tokenOf' | 'releaseTokens'> {
  const used = new Map<string, MetadataTokenCache>()
  const use = (endpoint: string): MetadataTokenCache => {
    const token = tokens.get(dispatcher, endpoint, () => new MetadataTokenCache(runtime.now))
    token.users += 1
    used.set(endpoint, token)
    return token
  }
  return {
    tokenOf: (endpoint) => used.get(endpoint) ?? use(endpoint),
    releaseTokens: () => {
      for (const token of used.values()) {
        token.users -= 1
        if (token.users === 0) tokens.delete(dispatcher, token)
      }
      used.clear()
    },
  }
}
