import { join, resolve } from 'node:path'
import { startRegistry } from '../../registry/registry.js'
import { pack } from '../npm.js'
import type { Workbench } from '../workbench.js'
import { createUserProject, NPM, type PackageManager, type UserProject } from './package-manager.js'
import { addPrograms } from './programs.js'

const ROOT = resolve(import.meta.dirname, '../../..')
const UPSTREAM = 'https://registry.npmjs.org'

export const NEWEST = 'latest'

/** Projects that package managers install with clients of the AWS SDK, from a registry that has the packed drop-in. */
export interface Installed {
  /** A project for one check alone, as it is before anybody has heard of the drop-in; `extra` packages are there as well. */
  readonly project: (
    id: string,
    packageManager: PackageManager,
    sdk: string,
    extra?: Packages,
  ) => Promise<UserProject>
  /** The same in a workspace, whose program `app` has the clients; its root folder has none. */
  readonly workspace: (id: string, packageManager: PackageManager, sdk: string) => Promise<UserProject>
  /** The project of npm and the newest SDK with the page's override in it; checks share it, and change nothing. */
  readonly overridden: () => Promise<UserProject>
  /** The same without the override. */
  readonly official: () => Promise<UserProject>
}

/** Ranges by name. */
export type Packages = Readonly<Record<string, string>>

export function installations(workbench: Workbench): Installed {
  const registry = once(() => publish(workbench))
  const project: Installed['project'] = async (id, packageManager, sdk, extra = {}) => {
    const dependencies = { ...clients(sdk), ...extra }
    const options = { registry: await registry(), id, manifest: { dependencies } }
    const made = await createUserProject(workbench, packageManager, options)
    await addPrograms(made.folder)
    return made
  }
  const workspace: Installed['workspace'] = async (id, packageManager, sdk) => {
    const app = { name: 'app', version: '1.0.0', dependencies: clients(sdk) }
    const files = { 'app/package.json': JSON.stringify(app) }
    const options = { registry: await registry(), id, manifest: { workspaces: ['app'] }, files }
    return createUserProject(workbench, packageManager, options)
  }
  const overridden = once(async () => {
    const made = await project('overridden', NPM, NEWEST)
    await made.follow('Put it in')
    return made
  })
  return { project, workspace, overridden, official: once(() => project('official', NPM, NEWEST)) }
}

function clients(sdk: string): Packages {
  return { '@aws-sdk/client-s3': sdk, '@aws-sdk/credential-providers': sdk }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

async function publish(workbench: Workbench): Promise<string> {
  const folder = await workbench.folder('published')
  const tarballs = [await pack(ROOT, folder), await pack(join(ROOT, 'drop-in'), folder)]
  return (await startRegistry({ tarballs, upstream: UPSTREAM })).url
}
