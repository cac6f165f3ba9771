import { onTestFinished, vi } from 'vitest'
import { fromInstanceRole, type InstanceRoleOptions, type InstanceRoleProvider } from '../../src/index.js'
import {
  createTestClock,
  type EmulatedInstance,
  emulateInstance,
  type TestClock,
} from '../../src/testing/index.js'
import { type Clients, createClients } from './clients.js'
import {
  startVerifyingAwsEndpoint,
  type VerifyingAwsEndpoint,
} from '../../examples/emulated-aws/verifying-aws-endpoint.js'

export const HOUR_MS = 3_600_000

export const TOKEN = 'PUT /latest/api/token 200'
export const LISTING = 'GET /latest/meta-data/iam/security-credentials/ 200'
export const DOCUMENT = 'GET /latest/meta-data/iam/security-credentials/app-role 200'

export interface ApplicationOnEc2 {
  readonly aws: VerifyingAwsEndpoint
  readonly clients: Clients
  readonly clock: TestClock
  readonly credentials: InstanceRoleProvider
  /** Of IMDS. */
  readonly endpoint: string
  readonly instance: EmulatedInstance
  /** Has AWS refuse the set that the instance has now, which the instance itself does not know of; gives what lifts it. */
  readonly disown: (as: 'expired' | 'unknown') => () => void
}

/**
 * An application on an emulated instance: real clients on its role, and an AWS that knows what the role was issued.
 *
 * Instance, provider, clients and AWS go by one clock, which only the test moves.
 */
export async function setUp(options: InstanceRoleOptions = {}): Promise<ApplicationOnEc2> {
  const clock = createTestClock().install()
  const now = vi.spyOn(Date, 'now').mockImplementation(() => clock.now())
  const instance = emulateInstance({ clock, roleName: 'app-role', instanceProfileName: 'web-servers' })
  const { endpoint } = await instance.listen()
  const disowned = new Map<string, 'expired' | 'unknown'>()
  const aws = await startVerifyingAwsEndpoint({
    findCredentials: (accessKeyId) => {
      const issued = instance.findCredentials(accessKeyId)
      const as = disowned.get(accessKeyId)
      if (issued === undefined || as === undefined) return issued
      return as === 'unknown' ? undefined : { ...issued, expiration: new Date(0) }
    },
    now: () => clock.now(),
  })
  const credentials = fromInstanceRole({ endpoint, isolated: true, ...options })
  const clients = createClients(aws.url, credentials)
  onTestFinished(async () => {
    clients.destroy()
    await credentials.close()
    await aws.close()
    await instance.close()
    now.mockRestore()
    clock.release()
  })
  const disown = (as: 'expired' | 'unknown') => {
    const { accessKeyId } = instance.credentials ?? { accessKeyId: '' }
    disowned.set(accessKeyId, as)
    return () => void disowned.delete(accessKeyId)
  }
  return { aws, clients, clock, credentials, disown, endpoint, instance }
}
