import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { snippetsOf } from '../docs/snippets.js'

const TSC = resolve(import.meta.dirname, '../../node_modules/typescript/bin/tsc')
const execute = promisify(execFile)

/** Runs a program in a folder; gives what it printed. */
export async function run(cwd: string, program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await execute(program, args, { cwd, maxBuffer: 1e8 })
  return stdout
}

export function node(cwd: string, ...args: readonly string[]): Promise<string> {
  return run(cwd, process.execPath, args)
}

export function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  return run(cwd, 'npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'])
}

/** Type-checks, and compiles in place. */
export async function compile(cwd: string, ...files: readonly string[]): Promise<void> {
  const compilerOptions = {
    target: 'ES2022',
    module: 'NodeNext',
    strict: true,
    skipLibCheck: true,
    types: [],
  }
  await writeFile(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  await node(cwd, TSC, '-p', '.').catch((error: unknown) => {
    throw error instanceof Error && 'stdout' in error ? new Error(String(error.stdout)) : error
  })
}

/** Writes the block of docs/getting-started.md that is the named file. */
export async function writeBlock(cwd: string, fileName: string): Promise<void> {
  const block = snippetsOf('docs/getting-started.md').find((one) => one.fileName === fileName)
  if (block === undefined) throw new Error(`docs/getting-started.md has no block for ${fileName}`)
  await writeFile(join(cwd, fileName), block.text)
}
