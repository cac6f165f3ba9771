import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { NOWHERE } from '../nowhere.js'

/** The built command. */
export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** A run of the built `instance-role`, and what it has printed so far. */
export interface CliRun {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves with the exit status, or the signal that ended it. */
  readonly ended: Promise<number | string | null>
}

export interface CliSurroundings {
  readonly env?: Readonly<Record<string, string>>
  readonly main?: string
  readonly cwd?: string
}

/** Starts the built command with nothing of this machine's AWS settings in its environment. */
export function startCli(
  args: readonly string[],
  { env = {}, main = MAIN, cwd }: CliSurroundings = {},
): CliRun {
  const noFiles = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
  const child = spawn(process.execPath, [main, ...args], {
    ...(cwd !== undefined && { cwd }),
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', ...NOWHERE, ...noFiles, ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return {
    child,
    stdout: collected(child.stdout),
    stderr: collected(child.stderr),
    ended: once(child, 'close').then(
      ([status, signal]: (number | string | null)[]) => status ?? signal ?? null,
    ),
  }
}

/** Runs the command to its end. */
export async function runCli(args: readonly string[], surroundings?: CliSurroundings) {
  const run = startCli(args, surroundings)
  const status = await run.ended
  return { status, stdout: run.stdout(), stderr: run.stderr() }
}

/** Starts `instance-role emulate` on a free port, and reads what it says to export. */
export async function startEmulate(args: readonly string[] = [], surroundings?: CliSurroundings) {
  const run = startCli(['emulate', '--port', '0', ...args], surroundings)
  await expect
    .poll(() => run.stdout() || run.stderr(), { timeout: 10_000, interval: 5 })
    .toMatch(/^export .*\n$/m)
  const env = Object.fromEntries(
    [...run.stdout().matchAll(/^export (\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
  return { ...run, env, endpoint: env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? '' }
}

function collected(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return () => text
}

/** The lines of requests in what `emulate` logs. */
export function requestLines(stderr: string): string[] {
  return stderr.split('\n').filter((line) => /^[A-Z]+ \//.test(line))
}

/** A config file whose default profile takes its credentials from the built command. */
export function credentialProcessFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'credentials-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'config')
  const credentialProcess = `"${process.execPath}" "${MAIN}" credentials`
  writeFileSync(file, `[default]\ncredential_process = ${credentialProcess}\nregion = eu-central-1\n`)
  return file
}
