import type { AttributedAwsCredentialIdentity } from '@aws-sdk/types'
import type { LoadedRole } from '../credentials/credentials-load.js'
import { extensionAt, type Held } from '../refresh/refresh-schedule.js'

/** A set of credentials of an instance role, as the AWS SDK takes it; each call gives a new object. */
export interface InstanceRoleCredentials extends AttributedAwsCredentialIdentity {
  readonly sessionToken: string
  /** When to ask again at the latest. Later than `originalExpiration` where that is present. */
  readonly expiration: Date
  /** The true expiration, where the set is past it and served all the same because IMDS gives no other. */
  readonly originalExpiration?: Date
}

/** The host's clock. */
export interface CredentialsClock {
  /** Epoch milliseconds. */
  now(): number
}

/**
 * A fresh object, and a fresh `$source`, each time: the SDK writes to them. Spelt out, because it runs at each hit; the clock is
 * read only where it matters, because that takes a third of a hit.
 */
export function toCredentials(held: Held<LoadedRole>, clock: CredentialsClock): InstanceRoleCredentials {
  const { accessKeyId, secretAccessKey, sessionToken, accountId } = held.value.credentials
  // A Date can be written to as well.
  const expiration = new Date(held.value.expiresAt)
  const fresh = {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiration,
    $source: { CREDENTIALS_IMDS: '0' } as const,
  }
  const identity = accountId === undefined ? fresh : { ...fresh, accountId }
  const extendedUntil = held.extendedUntil === undefined ? undefined : extensionAt(clock.now(), held)
  if (extendedUntil === undefined) return identity
  return { ...identity, expiration: new Date(extendedUntil), originalExpiration: expiration }
}
