import { execFile, spawnSync } from 'node:child_process'
import { Agent, request as httpRequest } from 'node:http'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { ending, oddRequest, sendRaw } from '../cli/odd-requests.js'
import { Unavailable } from './check.js'
import { requireSeen } from './expectation.js'
import { type RunningServer, startServer } from './running-server.js'

interface Answer {
  readonly status: number
  readonly body: string
  readonly tookMs: number
}

/** Requests credentials as an SDK does. */
function ask(uri: string, token: string, agent: Agent | false = false): Promise<Answer> {
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    const request = httpRequest(uri, { agent, headers: { Authorization: token } }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body, tookMs: performance.now() - startedAt })
      })
    })
    request.on('error', reject)
    request.end()
  })
}

const REQUESTS = 2_000
const CONNECTIONS = 50
const LOAD_MS = 10_000

/** 2,000 requests in 10 s from 50 connections, twice: none fails, and the second round takes no more memory. */
export async function proveLoad(server: RunningServer): Promise<string> {
  const first = await load(server)
  const memoryBefore = await residentKilobytes(server)
  const second = await load(server)
  const grownMegabytes = ((await residentKilobytes(server)) - memoryBefore) / 1_024
  requireSeen(
    { failed: first.failed + second.failed, isFlat: grownMegabytes < 10, grownMegabytes },
    { failed: 0, isFlat: true },
  )
  const { medianMs, worstMs } = second
  return `none of ${2 * REQUESTS} failed; median ${medianMs.toFixed(1)} ms, worst ${worstMs.toFixed(0)} ms; memory ${grownMegabytes.toFixed(1)} MB more after the second 2,000`
}

async function load({ uri, token }: RunningServer) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const secret = await token()
  const pending: Promise<Answer>[] = []
  for (let count = 0; count < REQUESTS; count += CONNECTIONS) {
    for (let one = 0; one < CONNECTIONS; one += 1) pending.push(ask(uri, secret, agent))
    await sleep((LOAD_MS * CONNECTIONS) / REQUESTS)
  }
  const settled = await Promise.allSettled(pending)
  agent.destroy()
  const answers = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const times = answers.map(({ tookMs }) => tookMs).sort((one, other) => one - other)
  return {
    failed: REQUESTS - answers.filter(({ status }) => status === 200).length,
    medianMs: times[Math.floor(times.length / 2)] ?? NaN,
    worstMs: times.at(-1) ?? NaN,
  }
}

async function residentKilobytes({ child }: RunningServer): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(child.pid)])
  return Number(stdout.trim())
}

/** Random and almost valid requests over raw sockets: the server survives and returns no credentials. */
export async function proveOddRequests(server: RunningServer): Promise<string> {
  const port = Number(new URL(server.uri).port)
  const token = await server.token()
  const { body } = await ask(server.uri, token)
  const secrets = Object.values(JSON.parse(body) as Record<string, string>).slice(0, 3)
  const numRuns = 1_500
  await fc.assert(
    fc.asyncProperty(oddRequest(port), async (bytes) => {
      const response = await sendRaw(port, bytes + ending(port))
      if (secrets.some((secret) => response.includes(secret))) throw new Error(`gave a secret: ${response}`)
    }),
    { numRuns },
  )
  const isWritten = [token, ...secrets].some((secret) => server.written().includes(secret))
  requireSeen({ status: (await ask(server.uri, token)).status, isWritten }, { status: 200, isWritten: false })
  return `${numRuns} requests, no secret, no crash`
}

/** Clients that send nothing or half a request are disconnected within 10 s. Other clients are answered during that time. */
export async function proveSlowClients(server: RunningServer): Promise<string> {
  const port = Number(new URL(server.uri).port)
  const beginnings = ['', 'GET /cred', `GET /credentials HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`]
  const slow = beginnings.flatMap((text) => Array.from({ length: 20 }, () => openSlowly(port, text)))
  const startedAt = performance.now()
  const ended = Promise.all(slow.map((socket) => once(socket, 'close')))
  const drips = setInterval(() => {
    for (const socket of slow.slice(20)) socket.write('x')
  }, 1_000)
  const { status } = await ask(server.uri, await server.token())
  const isOver = await Promise.race([ended.then(() => true), sleep(12_000, false)])
  clearInterval(drips)
  for (const socket of slow) socket.destroy()
  const tookMs = performance.now() - startedAt
  requireSeen({ status, isOver }, { status: 200, isOver: true })
  return `${slow.length} connections ended within ${(tookMs / 1_000).toFixed(1)} s`
}

function openSlowly(port: number, text: string): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  if (text !== '') socket.write(text)
  return socket
}

const FEW_MEGABYTES = '--max-old-space-size=64'

/** A million requests without a token, whose responses nobody reads: the server survives with little memory. */
export async function proveFlood(project: string, env: Readonly<Record<string, string>>): Promise<string> {
  const server = await startServer({ project, env, runner: [process.execPath, FEW_MEGABYTES] })
  const { host, port } = new URL(server.uri)
  const requests = `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(20_000)
  const sockets = Array.from({ length: 50 }, () => openSlowly(Number(port), requests).pause())
  try {
    await sleep(5_000)
    const { status } = await ask(server.uri, await server.token())
    requireSeen({ status, ended: server.child.signalCode }, { status: 200, ended: null })
    return `${sockets.length} connections of 20,000 requests each; the server has 64 MB`
  } finally {
    for (const socket of sockets) socket.destroy()
    await server.kill()
  }
}

/** Linux's own form of what systemd does for `MemoryDenyWriteExecute`: no memory becomes executable. */
const WITHOUT_EXECUTABLE_MEMORY = `
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0: sys.exit('not available')
os.execvp(sys.argv[1], sys.argv[1:])`

export async function proveHardened(project: string, env: Readonly<Record<string, string>>): Promise<string> {
  const python = ['python3', '-c', WITHOUT_EXECUTABLE_MEMORY]
  const { status } = spawnSync('python3', ['-c', WITHOUT_EXECUTABLE_MEMORY, 'true'])
  if (status !== 0) throw new Unavailable('this machine has no python3, or no PR_SET_MDWE')
  const server = await startServer({ project, env, runner: [...python, process.execPath, '--jitless'] })
  try {
    requireSeen(await ask(server.uri, await server.token()).then(({ status: code }) => ({ code })), {
      code: 200,
    })
    return `Node ${process.version} with --jitless`
  } finally {
    await server.kill()
  }
}
