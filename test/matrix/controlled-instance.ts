import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type EmulatedInstance, emulateInstance } from '../../src/testing/index.js'
import {
  startVerifyingAwsEndpoint,
  type VerifyingAwsEndpoint,
} from '../../examples/emulated-aws/verifying-aws-endpoint.js'

/** An emulated instance and an AWS that knows what it issued, on loopback; a program in another process has its way with both. */
export interface ControlledInstance {
  readonly instance: EmulatedInstance
  readonly endpoint: string
  readonly aws: VerifyingAwsEndpoint
  /** Where orders are posted; any other request is what a proxy would get, and fails. */
  readonly control: string
  /** Nobody listens there. Not one of the low ports, which `fetch` refuses by itself. */
  readonly unconnectable: string
  /** Requests that came to the control as to a proxy. */
  readonly proxied: () => number
  close(): Promise<void>
}

export async function startControlledInstance(): Promise<ControlledInstance> {
  const instance = emulateInstance()
  const { endpoint } = await instance.listen()
  const disowned = new Set<string>()
  const aws = await startVerifyingAwsEndpoint({
    findCredentials: (accessKeyId) => {
      const issued = instance.findCredentials(accessKeyId)
      return issued && disowned.has(accessKeyId) ? { ...issued, expiration: new Date(0) } : issued
    },
  })
  const orders = new Map<string | undefined, () => unknown>([
    ['/rotate', () => instance.rotate()],
    ['/break', () => instance.failUntilLifted('all', { status: 500 })],
    ['/mend', () => instance.clearFaults()],
    ['/hush', () => instance.failUntilLifted('all', 'silence')],
    // What AWS takes for expired, and the instance does not know of.
    ['/disown', () => disowned.add(instance.credentials?.accessKeyId ?? '')],
  ])
  let proxied = 0
  const server = createServer((request, response) => {
    const order = orders.get(request.url)
    if (order === undefined) proxied += 1
    order?.()
    response.writeHead(order === undefined ? 502 : 200).end()
  })
  const control = await listen(server)
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await aws.close()
    await instance.close()
  }
  const unconnectable = await abandonedPort()
  return { instance, endpoint, aws, control, unconnectable, proxied: () => proxied, close }
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}

async function abandonedPort(): Promise<string> {
  const server = createServer()
  const url = await listen(server)
  server.close()
  await once(server, 'close')
  return url
}

/** Gives `use` an instance, and ends it. */
export async function withInstance<T>(use: (controlled: ControlledInstance) => Promise<T>): Promise<T> {
  const controlled = await startControlledInstance()
  try {
    return await use(controlled)
  } finally {
    await controlled.close()
  }
}
