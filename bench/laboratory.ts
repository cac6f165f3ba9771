import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { emulateInstance } from '../src/testing/index.js'

/** What a program prints: figures by name. */
export type Figures = Readonly<Record<string, number>>

/** Runs programs against a loopback IMDS and a loopback stand-in for S3. */
export interface Laboratory extends AsyncDisposable {
  /** The figures that the program printed, with `requests` to IMDS and `wallMs` from start to end. */
  run(program: readonly string[], options?: RunOptions): Promise<Figures>
}

export interface RunOptions {
  readonly command?: string
  readonly nodeArgs?: readonly string[]
  /** Whether there is a config file, if an empty one; there is none on an instance that nobody configured. */
  readonly hasConfigFile?: boolean
}

/** The repository, whether this runs from `bench` or from `bench/.out`. */
export const ROOT: string = fileURLToPath(import.meta.url).replace(/bench\/(\.out\/)?[^/]*$/, '')

/** No garbage is collected but when it is asked for: what is allocated can be counted. */
export const COUNTING_HEAP: RunOptions = {
  nodeArgs: ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'],
}

const EMPTY_FILES = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }

export async function openLaboratory(): Promise<Laboratory> {
  const instance = emulateInstance()
  const imds = await instance.listen()
  const s3 = await listenForS3()
  const home = mkdtempSync(join(tmpdir(), 'instance-role-bench-'))
  const env = { ...withoutAwsSettings(process.env), ...imds.env, HOME: home, BENCH_S3_ENDPOINT: s3.endpoint }
  return {
    run: async (program, { command = process.execPath, nodeArgs = [], hasConfigFile = false } = {}) => {
      instance.clearRequests()
      const startedAt = performance.now()
      const settings = hasConfigFile ? { ...env, ...EMPTY_FILES } : env
      const output = await outputOf(command, [...nodeArgs, ...program], settings)
      const wallMs = performance.now() - startedAt
      return { ...parseFigures(output), requests: instance.requests.length, wallMs }
    },
    [Symbol.asyncDispose]: async () => {
      await instance.close()
      await s3.close()
      rmSync(home, { recursive: true })
    },
  }
}

/** A program of the benchmark, as it was built. */
export function program(name: string, ...args: readonly string[]): readonly string[] {
  return [`${ROOT}bench/.out/programs/${name}.mjs`, ...args]
}

/** What the shell says about AWS must not decide what is measured. */
function withoutAwsSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('AWS_'))
  return { ...Object.fromEntries(kept), NODE_NO_WARNINGS: '1' }
}

function outputOf(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(output)
      else reject(new Error(`${command} ${args.join(' ')} ended with ${String(code)}`))
    })
  })
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
