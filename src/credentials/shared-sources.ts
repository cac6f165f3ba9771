import type { Logger } from '@smithy/types'
import { isByDefault, type Setting } from '../config/config.js'
import { CredentialsSource } from './credentials-source.js'
import { type AccessOptions, dispatcherId, imdsAccess, type TokenRegistry } from '../imds/imds-access.js'
import type { FactRegistry } from '../imds/instance-facts.js'
import { forget, keep, share } from '../imds/recently-used.js'
import { processWide } from '../runtime/process-wide.js'

/** The shared sources, metadata tokens and facts about the instance. */
export interface SourceRegistry extends TokenRegistry, FactRegistry {
  readonly sources: Map<string, WeakRef<CredentialsSource>>
}

/** A registry that is not shared with the process. */
export function createRegistry(): SourceRegistry {
  return { sources: new Map(), tokens: new Map(), recent: new WeakMap(), facts: new WeakMap() }
}

/** The registry that all copies of this package in the process share. Each entry comes from the copy that needed it first. */
export const processRegistry: () => SourceRegistry = processWide(createRegistry)

export interface UseOptions extends AccessOptions {
  readonly registry: SourceRegistry
  readonly isolated: boolean
  /** The logger of the provider. */
  readonly logger: Logger | undefined
}

/** Returns the shared source of a configuration, or a new one if it is `isolated`. Each call needs one `releaseSource`. */
export function retainSource(options: UseOptions): CredentialsSource {
  const source = options.isolated
    ? createSource({ ...options, registry: createRegistry() })
    : sharedSource(options)
  source.retain(options.logger)
  return source
}

/** The last release of a source ends it and removes it from the registry. */
export function releaseSource(
  source: CredentialsSource,
  { registry, dispatcher, logger }: Pick<UseOptions, 'registry' | 'dispatcher' | 'logger'>,
): void {
  if (source.release(logger)) forget(registry, dispatcher ?? registry, registry.sources, source)
}

function sharedSource(options: UseOptions): CredentialsSource {
  const { registry, dispatcher } = options
  const source = share(registry.sources, keyOf(options), () => createSource(options))
  keep(registry, dispatcher ?? registry, source)
  return source
}

function createSource(options: UseOptions): CredentialsSource {
  const { roleName, accountId } = options.config
  return new CredentialsSource(imdsAccess(options), {
    roleName: roleName.value,
    roleNameOrigin: roleName.origin,
    accountId: accountId.value,
  })
}

/** Configurations that lead to the same requests share a source. The origin of a value matters for `retries` only. */
function keyOf({ config, dispatcher, registry }: UseOptions): string {
  const settings = Object.values<Setting<unknown>>({ ...config }).map(({ value }) => value ?? null)
  return JSON.stringify([...settings, isByDefault(config.retries), dispatcherId(registry, dispatcher)])
}
