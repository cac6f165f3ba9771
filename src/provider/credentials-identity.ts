import type { AttributedAwsCredentialIdentity } from '@aws-sdk/types'
import type { LoadedRole } from '../credentials/credentials-loader.js'
import type { Runtime } from '../runtime/runtime.js'
import { extensionAt, type Held } from '../refresh/refresh-schedule.js'

/** The credentials of an instance role, in the AWS SDK's form. Each call returns a new object. */
export interface InstanceRoleCredentials extends AttributedAwsCredentialIdentity {
  readonly sessionToken: string
  /** When the caller must ask again at the latest. It is later than `originalExpiration` if that is present. */
  readonly expiration: Date
  /** The true expiration. Present if it has passed, and the credentials are served because IMDS gives no others. */
  readonly originalExpiration?: Date
}

/**
 * Returns a new object with a new `$source` each time, because the SDK writes to both. It is written out field by field, and reads
 * the clock only if needed, because it runs at every cached call.
 */
export function toCredentials(held: Held<LoadedRole>, clock: Pick<Runtime, 'now'>): InstanceRoleCredentials {
  const { accessKeyId, secretAccessKey, sessionToken, accountId } = held.value.credentials
  // A new Date, because callers can write to it.
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
