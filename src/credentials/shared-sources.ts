import type { Logger } from '@smithy/types'
import { isByDefault, type Setting } from '../config/config.js'
import { CredentialsSource } from './credentials-source.js'
import { type AccessOptions, dispatcherId, imdsAccess, type TokenRegistry } from '../imds/imds-access.js'
import type { FactRegistry } from '../imds/instance-facts.js'
import { forget, keep, share } from '../imds/recently-used.js'
import { processWide } from '../runtime/process-wide.js'

/** Sources, metadata tokens and facts about the instance that are shared. */
export interface SourceRegistry extends TokenRegistry, FactRegistry {
  readonly sources: Map<string, WeakRef<CredentialsSource>>
}

/** A registry that nobody else shares. */
export function createRegistry(): SourceRegistry {
  return { sources: new Map(), tokens: new Map(), recent: new WeakMap(), facts: new WeakMap() }
}

/** What all copies of this package in the process share. Entries come from whichever copy was first. */
export const processRegistry: () => SourceRegistry = processWide(createRegistry)

export interface UseOptions extends AccessOptions {
  readonly registry: SourceRegistry
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

/** The last use of a source ends it, and leaves nothing of it in the registry. */
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

/** Two configurations that lead to the same requests are one; where their values come from does not matter, but for `retries`. */
function keyOf({ config, dispatcher, registry }: UseOptions): string {
  const settings = Object.values<Setting<unknown>>({ ...config }).map(({ value }) => value ?? null)
  return JSON.stringify([...settings, isByDefault(config.retries), dispatcherId(registry, dispatcher)])
}
