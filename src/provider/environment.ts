import { systemConfigSources } from '../config/config-sources.js'
import type { ConfigSources } from '../config/config.js'
import { type Runtime, systemRuntime } from '../runtime/runtime.js'
import { processRegistry, type SourceRegistry } from '../credentials/shared-sources.js'

/** What a provider or a client lives in. */
export interface Environment {
  readonly runtime: Runtime
  readonly registry: SourceRegistry
  /** `readingLimitMs` bounds the reading of files; `warn` is told of each that cannot be used. */
  readonly configSources: (
    profile: string | undefined,
    readingLimitMs?: number,
    warn?: (warning: string) => void,
  ) => ConfigSources
}

/** The process as it is. */
export function systemEnvironment(): Environment {
  return { runtime: systemRuntime, registry: processRegistry(), configSources: systemConfigSources }
}
