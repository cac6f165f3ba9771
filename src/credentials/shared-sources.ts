import type { Logger } from '@smithy/types'
import { isByDefault, valuesOf } from '../config/config.js'
import { CredentialsSource } from './credentials-source.js'
import { type AccessOptions, createImdsRegistry, imdsAccess, type ImdsRegistry } from '../imds/imds-access.js'
import { SharedObjects } from '../imds/shared-objects.js'
import { processWide } from '../runtime/process-wide.js'

/** The shared sources, metadata tokens and facts about the instance. */
export interface SourceRegistry extends ImdsRegistry {
  readonly sources: SharedObjects<CredentialsSource>
}

/** A registry that is not shared with the process. */
export function createRegistry(): SourceRegistry {
  return { ...createImdsRegistry(), sources: new SharedObjects() }
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
  const { registry, dispatcher, isolated, logger } = options
  const source = isolated
    ? createSource({ ...options, registry: createRegistry() })
    : registry.sources.get(dispatcher, keyOf(options), () => createSource(options))
  source.retain(logger)
  return source
}

/** The last release of a source ends it and removes it from the registry. */
export function releaseSource(
  source: CredentialsSource,
  { registry, dispatcher, logger }: Pick<UseOptions, 'registry' | 'dispatcher' | 'logger'>,
): void {
  if (source.release(logger)) registry.sources.delete(dispatcher, source)
}

function createSource(options: UseOptions): CredentialsSource {
  return new CredentialsSource(imdsAccess(options), options.config)
}

/** Configurations that lead to the same requests share a source. The origin of a value matters for `retries` only. */
function keyOf({ config }: UseOptions): string {
  return JSON.stringify([...valuesOf(config), isByDefault(config.retries)])
}
