import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { inject } from 'vitest'
import { NOWHERE } from '../nowhere.js'

const ROOT = resolve(import.meta.dirname, '../..')

export interface Ended {
  readonly status: number
  readonly output: string
}

/** A new user's folder: the packed package, and the tools that they installed. */
export interface PackedProject {
  readonly folder: string
  /** Writes a file, in a folder that is made where it is not there. */
  write(name: string, text: string): Promise<void>
  /** Runs a program of `node_modules`; gives its output, whatever the exit status. */
  node(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>
  remove(): Promise<void>
}

/** Below the folder that has the packed package; the tools are the very versions that the lock file has. */
export async function createPackedProject(tools: readonly string[]): Promise<PackedProject> {
  const folder = await mkdtemp(join(inject('bareProject'), 'new-user-'))
  for (const name of tools) await link(name, folder)
  return {
    folder,
    write: async (name, text) => {
      const path = join(folder, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    },
    node: (args, env = {}) => runNode(args, folder, env),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

async function link(name: string, folder: string): Promise<void> {
  const path = join(folder, 'node_modules', name)
  await mkdir(dirname(path), { recursive: true })
  await symlink(join(ROOT, 'node_modules', name), path, 'junction')
}

/** With nothing of this machine's AWS settings, and nothing of the test runner that runs this. */
async function runNode(
  args: readonly string[],
  cwd: string,
  given: Readonly<Record<string, string>>,
): Promise<Ended> {
  const noFiles = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
  const env = { PATH: process.env['PATH'], NO_COLOR: '1', ...noFiles, ...NOWHERE, ...given }
  return new Promise((done) => {
    execFile(process.execPath, [...args], { cwd, env, timeout: 110_000 }, (error, stdout, stderr) => {
      const status = typeof error?.code === 'number' ? error.code : Number(error !== null)
      done({ status, output: `${stdout}\n${stderr}` })
    })
  })
}
