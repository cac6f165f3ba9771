import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { ROOT } from './laboratory.js'

/** The size of a package with its dependencies on disk, and without those that an application of the AWS SDK has already. */
export interface InstalledSize {
  readonly bytes: number
  readonly besidesSdkBytes: number
}

export function installedSize(name: string): InstalledSize {
  const sdk = new Set(dependencyTree('@aws-sdk/client-s3'))
  const directories = dependencyTree(name)
  const besides = directories.filter((directory) => !sdk.has(directory))
  return { bytes: sum(directories), besidesSdkBytes: sum(besides) }
}

export interface BundleSize {
  readonly minifiedBytes: number
  readonly gzippedBytes: number
}

/** The size of an application that only loads credentials, bundled for Node by esbuild. */
export async function bundleSize(source: string): Promise<BundleSize> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: `${ROOT}bench` },
    bundle: true,
    minify: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  })
  const contents = outputFiles[0]?.contents ?? new Uint8Array()
  return { minifiedBytes: contents.length, gzippedBytes: gzipSync(contents).length }
}

/** The installed directories of a package and of all its dependencies. */
function dependencyTree(name: string): string[] {
  const found = new Set<string>()
  const visit = (directory: string): void => {
    if (found.has(directory)) return
    found.add(directory)
    for (const dependency of dependenciesOf(directory)) visit(locate(dependency, directory))
  }
  visit(name === 'instance-role' ? ROOT : locate(name, ROOT))
  return [...found]
}

function dependenciesOf(directory: string): string[] {
  const manifest: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  if (typeof manifest !== 'object' || manifest === null || !('dependencies' in manifest)) return []
  const { dependencies } = manifest
  return typeof dependencies === 'object' && dependencies !== null ? Object.keys(dependencies) : []
}

function locate(name: string, from: string): string {
  const candidate = join(from, 'node_modules', name)
  if (existsSync(candidate)) return candidate
  const parent = dirname(from)
  if (parent === from) throw new Error(`${name} is not installed`)
  return locate(name, parent)
}

/** The published files of this package; for a dependency, its directory without the dependencies installed in it. */
function sizeOf(directory: string): number {
  const entries =
    directory === ROOT
      ? ['dist', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']
      : readdirSync(directory)
  return entries
    .filter((name) => name !== 'node_modules')
    .reduce((bytes, name) => bytes + walk(join(directory, name)), 0)
}

function walk(path: string): number {
  const status = statSync(path)
  if (!status.isDirectory()) return status.size
  return readdirSync(path).reduce((bytes, name) => bytes + walk(join(path, name)), 0)
}

function sum(directories: readonly string[]): number {
  return directories.reduce((bytes, directory) => bytes + sizeOf(directory), 0)
}
