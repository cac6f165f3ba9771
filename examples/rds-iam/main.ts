import { startEmulatedPostgres } from '../emulated-aws/postgres.js'
import { instance } from '../emulated-ec2.js'
import { createPool } from './database.js'

const rds = await startEmulatedPostgres({ findCredentials: (key) => instance.findCredentials(key) })
const { hostname, port } = rds
// The emulated database has no TLS. A real one needs `ssl: { ca }`.
const pool = createPool({ hostname, port, region: 'eu-central-1', user: 'app', database: 'shop', ssl: false })

await pool.query('SELECT 1')
console.log('logged in with the role of the instance')
instance.failUntilLifted('all', { status: 503 })
await Promise.all([pool.query('SELECT 2'), pool.query('SELECT 3')])
console.log('and again, on a second connection, while IMDS is down')

await pool.end()
await rds.close()
console.log(rds.logins.map(({ user, verdict }) => `${user}: ${verdict}`).join('\n'))
