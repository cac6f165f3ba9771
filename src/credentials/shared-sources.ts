import type { Logger } from '@smithy/types'
import { isByDefault, valuesOf } from '../config/config.js'
import { CredentialsSource } from './credentials-source.js'
import { type AccessOptions, imdsAccess, type ImdsRegistry } from '../imds/imds-access.js'
import { SharedObjects } from '../imds/shared-objects.js'
import { processWide } from '../runtime/process-wide.js'

/** The shared sources, metadata tokens and facts about the instance. */
export interface SourceRegistry extends ImdsRegistry {
  readonly sources: SharedObjects<CredentialsSource>
}

/** A registry that is not shared with the process. */
export function createRegistry(): SourceRegistry {
  return { sources: new SharedObjects(), tokens: new SharedObjects(), facts: new SharedObjects() }
}

/** The registry that all copies of this package in the process share. Each entry comes from the copy that needed it first. */
export const processRegistry: () => SourceRegistry = processWide(createRegistry)

export interface UseOptions extends AccessOptions {
  readonly registry: SourceRegistry
  /** The logger of the provider. */
  readonly logger: Logger | undefined
}

/** Returns the source that the registry shares for this configuration. Each call needs one `releaseSource`. */
export function retainSource(options: UseOptions): CredentialsSource {
  const { registry, dispatcher, logger } = options
  const create = (): CredentialsSource => new CredentialsSource(imdsAccess(options))
  const source = registry.sources.get(dispatcher, keyOf(options), create)
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

/** Configurations that lead to the same requests share a source. The origin of a value matters for `retries` only. */
function keyOf({ config }: UseOptions): string {
  return JSON.stringify([...valuesOf(config), isByDefault(config.retries)])
}
