import { execFile } from 'node:child_process'
import { NOWHERE } from '../nowhere.js'

export interface Command {
  readonly executable: string
  readonly args: readonly string[]
  /** The folder in which it runs. */
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly timeLimitMs?: number
}

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const TIME_LIMIT_MS = 60_000

/** Runs a program to its end, whatever its exit code, without what the developer's own shell says about AWS and proxies. */
export function runCommand({
  executable,
  args,
  cwd,
  env,
  timeLimitMs = TIME_LIMIT_MS,
}: Command): Promise<Ended> {
  const options = { cwd, timeout: timeLimitMs, maxBuffer: 1e8, env: { ...cleanEnvironment(), ...env } }
  return new Promise((resolve) => {
    execFile(executable, [...args], options, (error, stdout, stderr) => {
      const failed = typeof error?.code === 'number' ? error.code : 1
      const isLate = error?.killed === true
      const why = isLate ? `\nnot over after ${timeLimitMs} ms` : (error?.message ?? '')
      resolve({
        code: error === null ? 0 : failed,
        stdout,
        stderr: stderr === '' || isLate ? stderr + why : stderr,
      })
    })
  })
}

/**
 * What a program that ended well printed.
 *
 * @throws with all that it printed where it did not
 */
export async function outputOf(command: Command): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command)
  if (code === 0) return stdout.trim()
  throw new Error(`exit code ${code}\n${stdout}${stderr}`.trim())
}

/** The environment, without what the developer's own shell says about AWS and proxies; with no way to a real IMDS. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const names = /^(aws_|https?_proxy$|no_proxy$|all_proxy$|node_options$)/i
  const rest = Object.entries(process.env).filter(([name]) => !names.test(name))
  const noFiles = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
  return { ...Object.fromEntries(rest), ...noFiles, ...NOWHERE }
}
