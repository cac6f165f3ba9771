import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const ROOT = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

/** A new user's folder: the packed package, and the tools that they installed. */
export interface PackedProject {
  readonly folder: string
  /** Writes a file. */
  write(name: string, text: string): Promise<void>
  /** Runs a program of `node_modules`; gives its output, whatever the exit status. */
  node(args: readonly string[]): Promise<{ status: number; output: string }>
  remove(): Promise<void>
}

/** Packs the built package, and unpacks it beside the very versions of tools that the lock file has; needs no network. */
export async function createPackedProject(tools: readonly string[]): Promise<PackedProject> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'new-user-')))
  await unpack(await pack(folder), join(folder, 'node_modules/instance-role'))
  for (const name of [...(await dependencies(folder)), ...tools]) await link(name, folder)
  return {
    folder,
    write: (name, text) => writeFile(join(folder, name), text),
    node: (args) => runNode(args, folder),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

async function pack(destination: string): Promise<string> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination]
  const { stdout } = await run('npm', args, { cwd: ROOT })
  const [packed] = JSON.parse(stdout) as [{ filename: string }]
  return join(destination, packed.filename)
}

async function unpack(tarball: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
}

async function dependencies(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, 'node_modules/instance-role/package.json'), 'utf8')
  return Object.keys((JSON.parse(text) as { dependencies: Record<string, string> }).dependencies)
}

async function link(name: string, folder: string): Promise<void> {
  const path = join(folder, 'node_modules', name)
  await mkdir(dirname(path), { recursive: true })
  await symlink(join(ROOT, 'node_modules', name), path, 'junction')
}

/** With nothing of this machine's AWS settings, and nothing of the test runner that runs this. */
async function runNode(args: readonly string[], cwd: string): Promise<{ status: number; output: string }> {
  const noFiles = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
  const env = { PATH: process.env['PATH'], NO_COLOR: '1', ...noFiles }
  return new Promise((done) => {
    execFile(process.execPath, [...args], { cwd, env, timeout: 55_000 }, (error, stdout, stderr) => {
      const status = typeof error?.code === 'number' ? error.code : Number(error !== null)
      done({ status, output: `${stdout}\n${stderr}` })
    })
  })
}
