import { systemConfigSources } from '../config/config-sources.js'
import { processRegistry, type SourceRegistry } from '../credentials/shared-sources.js'
import { type Runtime, systemRuntime } from '../runtime/runtime.js'

/** What a provider or client takes from its process. */
export interface Environment {
  readonly runtime: Runtime
  readonly registry: SourceRegistry
  readonly configSources: typeof systemConfigSources
}

/** The environment of this process. */
export function systemEnvironment(): Environment {
  return { runtime: systemRuntime, registry: processRegistry(), configSources: systemConfigSources }
}
