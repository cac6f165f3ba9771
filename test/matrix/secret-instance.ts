import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { emulateInstance } from '../../src/testing/index.js'

const GUARD = join(import.meta.dirname, 'programs/loopback-only.cjs')

/** An emulated instance that knows every secret that it issued, and a server whose responses may be stored on disk. */
export interface SecretInstance extends AsyncDisposable {
  /** The environment for a program that uses both, and nothing beyond this machine. */
  readonly env: Readonly<Record<string, string>>
  /** Of the current credentials. */
  accessKeyId(): string | undefined
  rotate(): void
  /** Secret keys, session tokens and metadata tokens. */
  secrets(): readonly string[]
  /** The response of the other server, and how often it was sent. */
  readonly planted: string
  plantedIsAsked(): number
  /** The hosts that programs tried to reach, a line each. */
  refusedHosts(): Promise<string>
}

export async function startSecretInstance(refusedHosts: string): Promise<SecretInstance> {
  const instance = emulateInstance()
  const given = new Set<string>()
  const answer = instance.answer.bind(instance)
  instance.answer = (request) => {
    const outcome = answer(request)
    if (request.method === 'PUT' && 'reply' in outcome) given.add(outcome.reply.body)
    const { secretAccessKey, sessionToken } = instance.credentials ?? {}
    for (const secret of [secretAccessKey, sessionToken]) if (secret !== undefined) given.add(secret)
    return outcome
  }
  const { env } = await instance.listen()
  const planted = `planted-${randomBytes(16).toString('hex')}`
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    response.end(planted)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    env: {
      ...env,
      ...{ PLANTED_URL: `http://127.0.0.1:${port}/`, REFUSED_HOSTS: refusedHosts },
      ...{ NEXT_TELEMETRY_DISABLED: '1', NEXT_IGNORE_INCORRECT_LOCKFILE: '1' },
      NODE_OPTIONS: `--require=${GUARD}`,
    },
    accessKeyId: () => instance.credentials?.accessKeyId,
    rotate: () => instance.rotate(),
    secrets: () => [...given],
    planted,
    plantedIsAsked: () => asked,
    refusedHosts: async () => (existsSync(refusedHosts) ? readFile(refusedHosts, 'utf8') : ''),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await instance.close()
    },
  }
}
