import { spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'
import { type EmulatedInstance, emulateInstance, type LoopbackServer } from '../../src/testing/index.js'
import { NOWHERE } from '../nowhere.js'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** An environment that only the test controls. */
const CLEAN_ENV = {
  PATH: process.env['PATH'],
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  ...NOWHERE,
}

export interface Program {
  /** The program's text, by the ending that says how Node reads it. */
  readonly source: string
  readonly format: 'cjs' | 'mjs'
  readonly env?: Readonly<Record<string, string>>
  readonly nodeArgs?: readonly string[]
  /** For `ulimit`, such as `-n 64`; not on Windows. */
  readonly limit?: string
  /** The folder whose packages it sees. */
  readonly project?: string
}

/** Runs a program in a Node process of its own. */
export async function runProgram(program: Program): Promise<Ended> {
  const { source, format, env = {}, nodeArgs = [], project = inject('bareProject'), limit } = program
  const folder = await mkdtemp(join(project, 'program-'))
  const path = join(folder, `main.${format}`)
  await writeFile(path, source)
  return runNode([...nodeArgs, path], folder, env, limit)
}

/** Runs Node with the given arguments. */
export function runNode(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  limit?: string,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const [executable, all] = limit === undefined ? [process.execPath, args] : limited(limit, args)
    const child = spawn(executable, all, { cwd, env: { ...CLEAN_ENV, ...env }, timeout: 60_000 })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}

function limited(limit: string, args: readonly string[]): [string, string[]] {
  return ['/bin/sh', ['-c', `ulimit ${limit} && exec "$@"`, 'sh', process.execPath, ...args]]
}

/** Returns the JSON that a successful program printed. */
export async function outputOf(program: Program): Promise<unknown> {
  const { code, stdout, stderr } = await runProgram(program)
  if (code !== 0) throw new Error(`exit code ${String(code)}\n${stdout}\n${stderr}`)
  const output: unknown = JSON.parse(stdout)
  return output
}

/** An emulated instance on a real port, until the test is over. */
export async function listeningInstance(): Promise<{ instance: EmulatedInstance; server: LoopbackServer }> {
  const instance = emulateInstance()
  onTestFinished(() => instance.close())
  return { instance, server: await instance.listen() }
}
