import { existsSync, readFileSync, realpathSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { dirname, join } from 'node:path'
import {
  type DefaultChain,
  DROP_IN_PACKAGE,
  type ImdsPackage,
  OFFICIAL_PACKAGE,
  type PackageManager,
} from './default-chain.js'

/** More than any program has; it limits the search on a strange file system. */
const MAX_PACKAGES = 5_000

/** Finds the folder of a package that another one depends on. */
type Locate = (name: string, from: string) => string | undefined

type Json = Readonly<Record<string, unknown>>

/** Follows the dependencies of the program in `folder` to every package that ends the default chain. Never rejects. */
export function searchDefaultChain(folder: string): DefaultChain {
  const program = findUp(folder, (at) => existsSync(join(at, 'package.json'))) ?? folder
  const root = findUp(program, (at) => hasLockFile(at) && (at === program || isWorkspace(at))) ?? program
  const plugAndPlay = plugAndPlayOf(folder)
  const locate = plugAndPlay ?? locateInNodeModules
  return {
    packages: followDependencies(program, locate),
    overriddenIn: overrideFile(root),
    packageManager: LOCK_FILES.find(([file]) => existsSync(join(root, file)))?.[1] ?? 'npm',
    root: root === folder ? undefined : root,
    isHidden: plugAndPlay === undefined && existsSync(join(root, '.pnp.cjs')),
  }
}

const LOCK_FILES: readonly (readonly [file: string, manager: PackageManager])[] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['package-lock.json', 'npm'],
  ['npm-shrinkwrap.json', 'npm'],
]

function hasLockFile(folder: string): boolean {
  return LOCK_FILES.some(([file]) => existsSync(join(folder, file)))
}

/** A lock file above the folder counts only if the folder belongs to a workspace. */
function isWorkspace(root: string): boolean {
  const { workspaces } = readJson(join(root, 'package.json'))
  return workspaces !== undefined || existsSync(join(root, 'pnpm-workspace.yaml'))
}

function followDependencies(program: string, locate: Locate): ImdsPackage[] {
  const seen = new Set([program])
  const found = new Map<string, ImdsPackage>()
  // Iterating over a set includes what is added during the iteration.
  for (const folder of seen) {
    if (seen.size > MAX_PACKAGES) break
    for (const name of dependenciesOf(readJson(join(folder, 'package.json')), folder === program)) {
      const at = locate(name, folder)
      if (at === undefined) continue
      if (name === OFFICIAL_PACKAGE) found.set(at, describePackage(at))
      else seen.add(at)
    }
  }
  return [...found.values()]
}

function dependenciesOf(manifest: Json, isProgram: boolean): string[] {
  const { dependencies, optionalDependencies, peerDependencies, devDependencies } = manifest
  const all = [dependencies, optionalDependencies, peerDependencies, ...(isProgram ? [devDependencies] : [])]
  return all.flatMap((names) => Object.keys(asRecord(names)))
}

function describePackage(path: string): ImdsPackage {
  const { name, version } = readJson(join(path, 'package.json'))
  return { name: String(name), version: String(version), path }
}

/** As Node does: in each `node_modules` on the way up. */
function locateInNodeModules(name: string, from: string): string | undefined {
  const at = findUp(from, (folder) => existsSync(join(folder, 'node_modules', name, 'package.json')))
  return at === undefined ? undefined : realpathSync(join(at, 'node_modules', name))
}

interface PlugAndPlay {
  resolveToUnqualified(request: string, issuer: string): string | null
}

/** Yarn's own way to find packages, in a process that Yarn started. @see https://yarnpkg.com/advanced/pnpapi */
function plugAndPlayOf(folder: string): Locate | undefined {
  const find: unknown = Reflect.get(nodeModule.default, 'findPnpApi')
  const api: unknown = typeof find === 'function' ? Reflect.apply(find, undefined, [`${folder}/`]) : undefined
  if (!isPlugAndPlay(api)) return undefined
  return (name, from) => {
    try {
      return api.resolveToUnqualified(name, `${from}/`) ?? undefined
    } catch {
      return undefined
    }
  }
}

function isPlugAndPlay(value: unknown): value is PlugAndPlay {
  return typeof value === 'object' && value !== null && 'resolveToUnqualified' in value
}

/** Returns the file in the root folder that has an override with the drop-in. */
function overrideFile(root: string): string | undefined {
  const { overrides, resolutions, pnpm } = readJson(join(root, 'package.json'))
  const inManifest = [overrides, resolutions, asRecord(pnpm)['overrides']].some((value) =>
    isOverride(JSON.stringify(value ?? {})),
  )
  if (inManifest) return 'package.json'
  return isOverride(readText(join(root, 'pnpm-workspace.yaml'))) ? 'pnpm-workspace.yaml' : undefined
}

/** In JSON or YAML: the official name, with or without a range, and a value that contains the name of the drop-in. */
const OVERRIDE = new RegExp(`${OFFICIAL_PACKAGE}[^\\s"':,]*["']?\\s*:\\s*["']?[^\\s"',]*${DROP_IN_PACKAGE}`)

function isOverride(text: string): boolean {
  return OVERRIDE.test(text)
}

function findUp(folder: string, isIt: (folder: string) => boolean): string | undefined {
  if (isIt(folder)) return folder
  const above = dirname(folder)
  return above === folder ? undefined : findUp(above, isIt)
}

/** Returns nothing if there is no such file or it is not JSON: the doctor does not examine that. */
function readJson(path: string): Json {
  try {
    return asRecord(JSON.parse(readText(path)))
  } catch {
    return {}
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function asRecord(value: unknown): Json {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
