import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { codeOf } from '../runtime/member-of.js'

/** A command could not be started. */
export class StartError extends Error {
  override readonly name = 'StartError'
  /** As in a shell: 127 for a command that is not found, 126 for one that cannot be run. */
  readonly status: number

  constructor(command: string, cause: Error) {
    const code = codeOf(cause)
    const isAbsent = code === 'ENOENT'
    const detail = code === undefined ? '' : ` (${code})`
    super(`${command}: ${isAbsent ? 'not found' : `cannot be run${detail}`}`)
    this.status = isAbsent ? 127 : 126
  }
}

/** Passed on, because the sender knows only this process. Node's default for SIGUSR1 is to open its debugger. */
const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const
/** A terminal sends these to every process in the foreground, the command included. */
const FROM_TERMINALS = ['SIGINT', 'SIGQUIT'] as const

/**
 * Runs a command to its end with the stdin, stdout and stderr of this process. Returns its exit status, or 128 + n after signal n.
 *
 * @throws {StartError} if it cannot be started
 */
export async function runChild(
  [command = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const child = start(command, args, env)
  const release = passSignals(child)
  try {
    return await exitStatus(child, command)
  } finally {
    release()
  }
}

function start(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ChildProcess {
  try {
    return spawn(command, args, { stdio: 'inherit', env })
  } catch (error) {
    throw error instanceof Error ? new StartError(command, error) : error
  }
}

function exitStatus(child: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      if (child.pid === undefined) reject(new StartError(command, error))
    })
    child.once('exit', (status, signal) => {
      resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

function passSignals(child: ChildProcess): () => void {
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal)
  const passUnlessSent = (signal: NodeJS.Signals): void => {
    if (!hasTerminal()) pass(signal)
  }
  for (const signal of PASSED_ON) process.on(signal, pass)
  for (const signal of FROM_TERMINALS) process.on(signal, passUnlessSent)
  return () => {
    for (const signal of PASSED_ON) process.off(signal, pass)
    for (const signal of FROM_TERMINALS) process.off(signal, passUnlessSent)
  }
}

/** Whether this process has a controlling terminal. It can have one although every stream is redirected. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return process.platform === 'win32'
  }
}
