import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { installNewerPackages, NEWER_PACKAGES, RUNS_NEWER_PACKAGES } from './newer-packages.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder whose `node_modules` has the packed package and what it depends on, and nothing else. */
    bareProject: string
    /** A folder below it, with the tools of an application: AWS SDK, msw, Jest, TypeScript, esbuild. */
    toolProject: string
    /** Another folder below it, with msw 3 and undici 8; without them where this Node is too old. */
    newerProject: string
    /** The paths in the tarball. */
    packedFiles: string[]
  }
}

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
const TOOLS = [
  '@aws-sdk/client-s3',
  '@types/node',
  'esbuild',
  'global-agent',
  'jest',
  'msw',
  'typescript',
  'undici',
]

/**
 * Packs the built package, and installs the tarball beside the very versions that the lock file has.
 *
 * Needs no network, but for the first time on a Node that runs the newer packages.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!existsSync(join(ROOT, 'dist'))) await run('npm', ['run', 'build'], { cwd: ROOT })
  const bareProject = await realpath(await mkdtemp(join(tmpdir(), 'instance-role-')))
  const packed = await pack(bareProject)
  await unpack(join(bareProject, packed.filename), bareProject)
  await link(await declaredDependencies(bareProject), bareProject)
  const toolProject = join(bareProject, 'tools')
  await link(TOOLS, toolProject)
  const newerProject = join(bareProject, 'newer')
  await link(['typescript', '@types/node'], newerProject)
  if (RUNS_NEWER_PACKAGES) await link(NEWER_PACKAGES, newerProject, await installNewerPackages())
  project.provide('bareProject', bareProject)
  project.provide('newerProject', newerProject)
  project.provide('toolProject', toolProject)
  project.provide(
    'packedFiles',
    packed.files.map(({ path }) => path),
  )
  return () => rm(bareProject, { recursive: true, force: true })
}

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

async function pack(destination: string): Promise<Packed> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination]
  const { stdout } = await run('npm', args, { cwd: ROOT })
  const [packed] = JSON.parse(stdout) as [Packed]
  return packed
}

async function unpack(tarball: string, folder: string): Promise<void> {
  const target = join(folder, 'node_modules/instance-role')
  await mkdir(target, { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
}

async function declaredDependencies(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, 'node_modules/instance-role/package.json'), 'utf8')
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> }
  return Object.keys(dependencies)
}

async function link(names: readonly string[], folder: string, from: string = ROOT): Promise<void> {
  for (const name of names) {
    const path = join(folder, 'node_modules', name)
    await mkdir(dirname(path), { recursive: true })
    await symlink(join(from, 'node_modules', name), path, 'junction')
  }
}
