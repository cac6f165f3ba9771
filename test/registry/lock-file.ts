import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A package that the lock file of a project has, and that is installed. */
export interface InstalledPackage {
  readonly name: string
  readonly folder: string
}

/** Every copy of every package: a name can have several versions, in several folders. */
export function installedPackages(project: string): InstalledPackage[] {
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, { readonly name?: string }>>
  }
  return Object.entries(lock.packages).flatMap(([path, { name }]) => {
    const [, named] = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? []
    const folder = join(project, path)
    // What an alias names has the name of its own; a package for another platform is not there.
    return named !== undefined && existsSync(folder) ? [{ name: name ?? named, folder }] : []
  })
}
