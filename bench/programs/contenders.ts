import type { AwsCredentialIdentity, Logger } from '@smithy/types'

/** Returns credentials. `forceRefresh` makes it load them again, if it caches at all. */
export type Provider = (properties?: { readonly forceRefresh?: boolean }) => Promise<AwsCredentialIdentity>

/** Creates another provider, as an application does for another client. */
export type MakeProvider = () => Provider

export type Contender = 'instance-role' | 'official-bare' | 'official-memoized' | 'sdk-client'

// Without a logger, the official provider warns on the console.
const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Loads only the contender's own code. */
export async function loadContender(name: string | undefined): Promise<MakeProvider> {
  switch (name) {
    case 'instance-role': {
      const { fromInstanceRole } = await import('../../src/index.js')
      return () => fromInstanceRole()
    }
    case 'official-bare': {
      const { fromInstanceMetadata } = await import('@smithy/credential-provider-imds')
      return () => fromInstanceMetadata({ logger: silent })
    }
    case 'official-memoized': {
      const { fromInstanceMetadata } = await import('@smithy/credential-provider-imds')
      return memoized(() => fromInstanceMetadata({ logger: silent }))
    }
    case 'sdk-client': {
      const { fromInstanceMetadata } = await import('@aws-sdk/credential-providers')
      return memoized(() => fromInstanceMetadata({ logger: silent }))
    }
    default:
      throw new Error(`There is no contender ${String(name)}`)
  }
}

/** Wraps a provider as an SDK client does if the provider does not say that it caches. */
async function memoized(make: () => Provider): Promise<MakeProvider> {
  const { doesIdentityRequireRefresh, isIdentityExpired, memoizeIdentityProvider } =
    await import('@smithy/core')
  return () => {
    const provider = memoizeIdentityProvider(make(), isIdentityExpired, doesIdentityRequireRefresh)
    if (provider === undefined) throw new Error('There is no provider to memoize')
    return (properties) => provider(properties)
  }
}

/** Prints one line of JSON, which the runner reads. */
export function report(figures: Readonly<Record<string, number>>): void {
  console.log(JSON.stringify(figures))
}

/** Counts the TCP connections that this process opens from now on. */
export async function countConnections(): Promise<() => number> {
  const { subscribe } = await import('node:diagnostics_channel')
  let connections = 0
  subscribe('net.client.socket', () => (connections += 1))
  return () => connections
}
