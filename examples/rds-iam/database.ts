import { Signer } from '@aws-sdk/rds-signer'
import { fromInstanceRole } from 'instance-role'
import { Pool, type PoolConfig } from 'pg'

/** A token is valid for 15 min after it was signed, or until the credentials that signed it expire. */
const TOKEN_LIFE_MS = 900_000

export interface DatabaseOptions {
  readonly hostname: string
  readonly port: number
  readonly region: string
  readonly user: string
  readonly database: string
  /** `{ ca }` with the certificates of RDS: RDS refuses tokens over a plain connection. */
  readonly ssl: NonNullable<PoolConfig['ssl']>
}

/** Creates a pool whose connections log in with the instance's role. Each new connection signs its own token, which needs no request. */
export function createPool({ hostname, port, region, user, database, ssl }: DatabaseOptions): Pool {
  const credentials = fromInstanceRole({ minTtl: TOKEN_LIFE_MS })
  const signer = new Signer({ hostname, port, region, username: user, credentials })
  return new Pool({ host: hostname, port, user, database, ssl, password: () => signer.getAuthToken() })
}
