import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanEnvironment } from './child-process.js'

/** The command of the packed package. */
export function cliOf(project: string): string {
  return join(project, 'node_modules/instance-role/dist/cli/main.js')
}

/** `instance-role serve` in its own process. */
export interface RunningServer {
  readonly child: ChildProcess
  readonly uri: string
  readonly tokenFile: string
  /** The current token. */
  readonly token: () => Promise<string>
  /** What it has written to stdout and stderr. */
  readonly written: () => string
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>
}

const START_LIMIT_MS = 10_000

export interface ServerSettings {
  readonly project: string
  readonly env: Readonly<Record<string, string>>
  readonly port?: number
  /** The executable that runs the command; Node by default. */
  readonly runner?: readonly string[]
  /** The path of the token file; in the project by default. */
  readonly folder?: string
  /** The user that runs the command. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

/** Starts the server, and waits until it serves. */
export async function startServer(settings: ServerSettings): Promise<RunningServer> {
  const { project, env, port = 0, runner = [process.execPath], folder = project, user } = settings
  const tokenFile = join(folder, `token-${process.hrtime.bigint()}`)
  const [executable = '', ...before] = runner
  const args = [...before, cliOf(project), 'serve', '--port', String(port), '--token-file', tokenFile]
  return watch(spawn(executable, args, { env: { ...cleanEnvironment(), ...env }, ...user }), tokenFile)
}

/** Starts the server again on its port, with its token file. */
export async function startAgain(
  { uri, tokenFile }: RunningServer,
  { project, env }: ServerSettings,
): Promise<RunningServer> {
  const args = [cliOf(project), 'serve', '--port', new URL(uri).port, '--token-file', tokenFile]
  return watch(spawn(process.execPath, args, { env: { ...cleanEnvironment(), ...env } }), tokenFile)
}

async function watch(child: ChildProcess, tokenFile: string): Promise<RunningServer> {
  let written = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (written += chunk.toString()))
  const uri = await untilServing(child, () => written)
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return { child, uri, tokenFile, token: () => readFile(tokenFile, 'utf8'), written: () => written, kill }
}

async function untilServing(child: ChildProcess, written: () => string): Promise<string> {
  const giveUpAt = Date.now() + START_LIMIT_MS
  while (Date.now() < giveUpAt && child.exitCode === null) {
    const [, uri] = /^AWS_CONTAINER_CREDENTIALS_FULL_URI=(.*)\n.*_FILE=.*\n/m.exec(written()) ?? []
    if (uri !== undefined) return uri
    await sleep(20)
  }
  child.kill('SIGKILL')
  throw new Error(`the server does not serve: ${written()}`)
}

/** What a client of the server needs in its environment. */
export function clientEnvironment({ uri, tokenFile }: RunningServer): Readonly<Record<string, string>> {
  return {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: uri,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
    // SDK v2 tries IMDS if the server fails: this keeps it from the real one.
    AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1',
  }
}
