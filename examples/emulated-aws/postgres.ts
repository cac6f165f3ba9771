import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { type FindCredentials, type Verdict, verify } from './verdict.js'

/** An RDS database for PostgreSQL on loopback that accepts IAM authentication tokens. */
export interface EmulatedPostgres {
  readonly hostname: string
  readonly port: number
  /** The result of each connection, without the token. */
  readonly logins: readonly { readonly user: string; readonly verdict: Verdict['word'] }[]
  close(): Promise<void>
}

export interface EmulatedPostgresOptions {
  readonly findCredentials: FindCredentials
  /** AWS's clock, in epoch milliseconds. */
  readonly now?: () => number
}

/** Starts the emulated database. It implements enough of the protocol to log in; each query has an empty result. */
export async function startEmulatedPostgres({
  findCredentials,
  now = () => Date.now(),
}: EmulatedPostgresOptions): Promise<EmulatedPostgres> {
  const logins: { user: string; verdict: Verdict['word'] }[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    serve(socket, async (user, token) => {
      const { word } = await verifyToken(token, user, { findCredentials, now })
      logins.push({ user, verdict: word })
      return word === 'accepted'
    }).catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { address: hostname, port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { hostname, port, logins, close }
}

/**
 * The token is a presigned URL without `https://`, for the user who logs in.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
 */
async function verifyToken(
  token: string,
  user: string,
  { findCredentials, now }: Required<EmulatedPostgresOptions>,
): Promise<Verdict> {
  const { host, pathname, searchParams } = new URL(`https://${token}`)
  const query = Object.fromEntries(searchParams)
  if (query['DBUser'] !== user) return { word: 'wrong-signature', claim: undefined }
  const request = { method: 'GET', path: pathname, query, headers: { host }, body: Buffer.alloc(0) }
  return verify(request, findCredentials, now())
}

const ASK_FOR_PASSWORD = message('R', int32(3))
const LET_IN = Buffer.concat([message('R', int32(0)), message('Z', Buffer.from('I'))])
const NO_ROWS = Buffer.concat([message('C', Buffer.from('SELECT 0\0')), message('Z', Buffer.from('I'))])
const TURN_AWAY = message('E', Buffer.from('SFATAL\0C28000\0MPAM authentication failed\0\0'))

/** @see https://www.postgresql.org/docs/current/protocol-flow.html */
async function serve(
  socket: Socket,
  mayLogIn: (user: string, token: string) => Promise<boolean>,
): Promise<void> {
  let user: string | undefined
  let received: Buffer = Buffer.alloc(0)
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer])
    // The first message has no type.
    const start = user === undefined ? 0 : 1
    if (received.length < start + 4 || received.length < start + received.readInt32BE(start)) continue
    const [type, body] = [String.fromCharCode(received[0] ?? 0), received.subarray(start + 4).toString()]
    received = Buffer.alloc(0)
    if (user === undefined) {
      user = /user\0([^\0]+)\0/.exec(body)?.[1] ?? ''
      socket.write(ASK_FOR_PASSWORD)
    } else if (type === 'p') {
      const isIn = await mayLogIn(user, body.replace(/\0$/, ''))
      socket.write(isIn ? LET_IN : TURN_AWAY)
    } else if (type === 'Q') socket.write(NO_ROWS)
  }
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
