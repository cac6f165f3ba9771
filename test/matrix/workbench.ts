import { cp, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { install, pack } from './npm.js'
import type { PackagedExecutable } from './platform.js'

const ROOT = resolve(import.meta.dirname, '../..')
const PROGRAMS = join(import.meta.dirname, 'programs')

/** Temporary folders that have the packed package installed as a user has it. */
export interface Workbench {
  /** A folder with the packed package, these packages, and the programs of `test/matrix/programs`; installed once. */
  project(name: string, packages: readonly string[]): Promise<string>
  /** The path of an executable; installed once. */
  executable(packaged: PackagedExecutable, range: string): Promise<string>
  /** A folder of that name, without `node_modules` in it or above it. */
  folder(name: string): Promise<string>
  remove(): Promise<void>
}

/** Packs what `npm run build` has built. */
export async function openWorkbench(): Promise<Workbench> {
  const at = await realpath(await mkdtemp(join(tmpdir(), 'instance-role-matrix-')))
  const tarball = await pack(ROOT, at)
  const made = new Map<string, Promise<string>>()
  const once = (name: string, make: () => Promise<string>): Promise<string> => {
    const known = made.get(name) ?? make()
    made.set(name, known)
    return known
  }
  const folder = async (name: string): Promise<string> => {
    const path = join(at, name.replaceAll(/[^\w.-]+/g, '-'))
    await mkdir(path, { recursive: true })
    return path
  }
  const createProject = async (name: string, packages: readonly string[]): Promise<string> => {
    const path = await folder(name)
    await install(path, [tarball, ...packages])
    await cp(PROGRAMS, path, { recursive: true })
    return path
  }
  const installExecutable = async ({ name, path }: PackagedExecutable, range: string): Promise<string> => {
    // A project can be named after a tool: "pnpm" with the "latest" SDK.
    const project = await folder(`executable-${name}-${range}`)
    await install(project, [`${name}@${range}`])
    return join(project, 'node_modules', name, path)
  }
  return {
    folder,
    project: (name, packages) => once(name, () => createProject(name, packages)),
    executable: (packaged, range) => once(packaged.name + range, () => installExecutable(packaged, range)),
    remove: () => rm(at, { recursive: true, force: true }),
  }
}
