import { expect, onTestFinished, test, vi } from 'vitest'
import { startEmulatedPostgres } from '../../examples/emulated-aws/postgres.js'
import { createPool } from '../../examples/rds-iam/database.js'
import { onEc2 } from './on-ec2.js'

const NOW = Date.UTC(2030, 0, 1)
const HOUR = 3_600_000
const MINUTE = 60_000

/** A pool of one connection at most, and a database that checks each login. */
async function setUp() {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW })
  const { instance } = await onEc2()
  const rds = await startEmulatedPostgres({ findCredentials: (key) => instance.findCredentials(key) })
  const { hostname, port } = rds
  const pool = createPool({
    hostname,
    port,
    region: 'eu-central-1',
    user: 'app',
    database: 'shop',
    ssl: false,
  })
  onTestFinished(async () => {
    await pool.end()
    await rds.close()
    vi.useRealTimers()
  })
  /** On a new connection, which needs a token. */
  const logIn = async () => {
    const client = await pool.connect()
    client.release(true)
    return rds.logins.at(-1)
  }
  return { instance, rds, logIn }
}

test('logs in as the role of the instance, with a token for each connection and one load for all', async () => {
  const { instance, rds, logIn } = await setUp()
  await logIn()
  await logIn()
  expect(rds.logins).toEqual([
    { user: 'app', verdict: 'accepted' },
    { user: 'app', verdict: 'accepted' },
  ])
  expect(instance.requests).toHaveLength(3)
})

test('signs a token with newer credentials if the cached ones expire before the token', async () => {
  const { instance, logIn } = await setUp()
  await logIn()
  const before = instance.credentials
  vi.setSystemTime(NOW + 6 * HOUR - 14 * MINUTE)
  instance.clearRequests()
  expect(await logIn()).toMatchObject({ verdict: 'accepted' })
  // The connection waited for the newer set.
  expect(instance.requests.length).toBeGreaterThan(0)
  expect(instance.credentials?.accessKeyId).not.toBe(before?.accessKeyId)
  vi.setSystemTime(NOW + 6 * HOUR + MINUTE)
  instance.failUntilLifted('all', { status: 503 })
  expect(await logIn()).toMatchObject({ verdict: 'accepted' })
})

test('is refused by a database that does not know the role', async () => {
  const { instance, logIn } = await setUp()
  vi.spyOn(instance, 'findCredentials').mockReturnValue(undefined)
  await expect(logIn()).rejects.toThrow('PAM authentication failed')
})
