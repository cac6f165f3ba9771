import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { emulateInstance } from '../src/testing/index.js'

/** The figures that a program prints, by name. */
export type Figures = Readonly<Record<string, number>>

/** Runs programs against an IMDS and a stand-in for S3, both on loopback. */
export interface Laboratory extends AsyncDisposable {
  /**
   * Returns the figures that the program printed, the `requests` to IMDS, and those of its whole process: `wallMs` from start to
   * end, `cpuMs` of all its threads, `exitMs` from its last output to its end.
   */
  run(program: readonly string[], options?: RunOptions): Promise<Figures>
}

export interface RunOptions {
  readonly command?: string
  readonly nodeArgs?: readonly string[]
  /** The text of the config file. By default there is no file. */
  readonly configFile?: string
}

/** The folder of the repository. This file runs from `bench`, or bundled from `bench/.out`. */
export const ROOT: string = fileURLToPath(import.meta.url).replace(/bench\/(\.out\/)?[^/]*$/, '')

/** Garbage is collected only on request, so that allocations can be counted. */
export const COUNTING_HEAP: RunOptions = {
  nodeArgs: ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'],
}

export async function openLaboratory(): Promise<Laboratory> {
  const instance = emulateInstance()
  const imds = await instance.listen()
  const s3 = await listenForS3()
  const home = mkdtempSync(join(tmpdir(), 'instance-role-bench-'))
  const env = { ...withoutAwsSettings(process.env), ...imds.env, HOME: home, BENCH_S3_ENDPOINT: s3.endpoint }
  return {
    run: async (program, { command = process.execPath, nodeArgs = [], configFile } = {}) => {
      instance.clearRequests()
      const settings = configFile === undefined ? env : { ...env, ...writeConfigFile(home, configFile) }
      const { output, ...figures } = await timed(command, [...nodeArgs, ...program], settings)
      return { ...parseFigures(output), ...figures, requests: instance.requests.length }
    },
    [Symbol.asyncDispose]: async () => {
      await instance.close()
      await s3.close()
      rmSync(home, { recursive: true })
    },
  }
}

/** Returns a compiled program of the benchmark. */
export function program(name: string, ...args: readonly string[]): readonly string[] {
  return [`${ROOT}bench/.out/programs/${name}.mjs`, ...args]
}

/** The developer's own AWS settings must not change the results. */
function withoutAwsSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('AWS_'))
  return { ...Object.fromEntries(kept), NODE_NO_WARNINGS: '1' }
}

/** A real file, because `/dev/null` is not read. */
function writeConfigFile(home: string, text: string): NodeJS.ProcessEnv {
  const path = join(home, 'config')
  writeFileSync(path, text)
  return { AWS_CONFIG_FILE: path }
}

/** Makes bash print on file descriptor 3, after the command has ended, its wall time and processor time. */
const TIMED = `TIMEFORMAT='{"wall":%3R,"user":%3U,"system":%3S}'; { time "$@" 2>&4; } 4>&2 2>&3`

interface TimedRun {
  readonly output: string
  readonly wallMs: number
  readonly cpuMs: number
  readonly exitMs: number
}

function timed(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<TimedRun> {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'inherit', 'pipe'] as const
    const child = spawn('bash', ['-c', TIMED, 'bash', command, ...args], { env, stdio: [...stdio] })
    const output = recordChunks(child.stdio[1])
    const times = recordChunks(child.stdio[3])
    child.once('error', reject)
    child.once('close', (code) => {
      if (code !== 0) {
        reject(new Error(`${command} ${args.join(' ')} ended with ${String(code)}`))
        return
      }
      const { wall = NaN, user = NaN, system = NaN } = parseFigures(times().text)
      const exitMs = times().at - output().at
      resolve({ output: output().text, wallMs: wall * 1e3, cpuMs: (user + system) * 1e3, exitMs })
    })
  })
}

/** Returns what a stream has printed so far, and when it last printed. */
function recordChunks(
  stream: Readable | Writable | null | undefined,
): () => { readonly text: string; readonly at: number } {
  let text = ''
  let at = NaN
  stream?.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
    at = performance.now()
  })
  return () => ({ text, at })
}

function parseFigures(output: string): Figures {
  const line = output.trim().split('\n').at(-1) ?? ''
  if (line === '') return {}
  const parsed: unknown = JSON.parse(line)
  if (typeof parsed !== 'object' || parsed === null) throw new Error(`No figures: ${line}`)
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, Number(value)]))
}

async function listenForS3(): Promise<{ readonly endpoint: string; close(): Promise<void> }> {
  const body = '<?xml version="1.0"?><ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>'
  const server = createServer((request, response) => {
    const isSigned = request.headers.authorization?.startsWith('AWS4-HMAC-SHA256') === true
    response.writeHead(isSigned ? 200 : 403, { 'content-type': 'application/xml' }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
