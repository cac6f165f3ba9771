import { systemConfigSources } from '../config/config-sources.js'
import type { ConfigSources } from '../config/config.js'
import { type Runtime, systemRuntime } from '../runtime/runtime.js'
import { processRegistry, type SourceRegistry } from '../credentials/shared-sources.js'

/** What a provider or client takes from its process. */
export interface Environment {
  readonly runtime: Runtime
  readonly registry: SourceRegistry
  /** `readingLimitMs` limits the time for reading files. `warn` is called for each file that cannot be used. */
  readonly configSources: (
    profile: string | undefined,
    readingLimitMs?: number,
    warn?: (warning: string) => void,
  ) => ConfigSources
}

/** The environment of this process. */
export function systemEnvironment(): Environment {
  return { runtime: systemRuntime, registry: processRegistry(), configSources: systemConfigSources }
}
