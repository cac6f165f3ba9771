import {
  fromInstanceMetadata as fromSdkInstanceMetadata,
  fromNodeProviderChain,
} from '@aws-sdk/credential-providers'
import { doesIdentityRequireRefresh, isIdentityExpired, memoizeIdentityProvider } from '@smithy/core'
import { fromInstanceMetadata } from '@smithy/credential-provider-imds'
import type { AwsCredentialIdentity, Logger } from '@smithy/types'
import { systemConfigSources } from '../../src/config/config-sources.js'
import { createProvider } from '../../src/provider/from-instance-role.js'
import type { ImdsDispatcher } from '../../src/config/options.js'
import type { Runtime } from '../../src/runtime/runtime.js'
import { createRegistry, type SourceRegistry } from '../../src/credentials/shared-sources.js'

/** The credentials that a caller gets. `originalExpiration` is present if they have expired. */
export type Served = AwsCredentialIdentity & { readonly originalExpiration?: Date }

/** Returns the credentials of one client. */
export type Ask = () => Promise<Served>

/** A process, which creates clients. */
export interface Process {
  client(): Ask
}

/** The code that is simulated. */
export interface Subject {
  readonly name: SubjectName
  readonly label: string
  startProcess(runtime: Runtime, dispatcher: ImdsDispatcher): Process
}

export type SubjectName =
  'instance-role' | 'sdk-client' | 'sdk-default-chain' | 'official-memoized' | 'official-bare'

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Wraps a provider as an SDK client does if the provider does not say that it caches. */
function memoized(provider: () => Promise<AwsCredentialIdentity>): Ask {
  const ask = memoizeIdentityProvider(provider, isIdentityExpired, doesIdentityRequireRefresh)
  if (ask === undefined) throw new Error('There is no provider to memoize')
  return () => ask()
}

export const SUBJECTS: readonly Subject[] = [
  {
    name: 'instance-role',
    label: 'instance-role',
    startProcess: (runtime, dispatcher) => {
      const registry: SourceRegistry = createRegistry()
      return {
        client: () => {
          const provider = createProvider(
            { dispatcher },
            { runtime, registry, configSources: systemConfigSources },
          )
          return () => provider()
        },
      }
    },
  },
  {
    name: 'sdk-client',
    label: 'SDK client with `fromInstanceMetadata()`',
    startProcess: () => ({ client: () => memoized(fromSdkInstanceMetadata({ logger: silent })) }),
  },
  {
    name: 'sdk-default-chain',
    label: 'SDK default chain',
    // A client does not wrap the chain, because the chain caches by itself.
    startProcess: () => ({ client: () => fromNodeProviderChain({ logger: silent }) }),
  },
  {
    name: 'official-memoized',
    label: '`@smithy/credential-provider-imds`, memoized',
    startProcess: () => ({ client: () => memoized(fromInstanceMetadata({ logger: silent })) }),
  },
  {
    name: 'official-bare',
    label: '`@smithy/credential-provider-imds`, bare',
    startProcess: () => ({ client: () => fromInstanceMetadata({ logger: silent }) }),
  },
]

export function subject(name: SubjectName): Subject {
  const found = SUBJECTS.find((one) => one.name === name)
  if (found === undefined) throw new Error(`There is no subject ${name}`)
  return found
}
