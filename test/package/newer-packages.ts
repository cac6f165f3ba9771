// Packages that need a newer Node than the oldest that is supported: `npm ci` would complain of them there.
import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { install } from '../matrix/npm.js'

const FOLDER = resolve(import.meta.dirname, '../../node_modules/.cache/newer-packages')

/** Exact versions. undici 8 needs Node 22.19, msw 3 needs 22.12. */
const VERSIONS = { msw: '3.0.5', undici: '8.13.0' }

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
/** Whether this Node runs them. */
export const RUNS_NEWER_PACKAGES: boolean = major > 22 || (major === 22 && minor >= 19)

export const NEWER_PACKAGES: readonly string[] = Object.keys(VERSIONS)

/** Installs them, unless they are there; gives the folder whose `node_modules` has them. */
export async function installNewerPackages(): Promise<string> {
  const wanted = Object.entries(VERSIONS)
  const installed = await Promise.all(wanted.map(([name]) => versionOf(name)))
  if (wanted.some(([, version], index) => installed[index] !== version)) {
    await mkdir(FOLDER, { recursive: true })
    const packages = wanted.map(([name, version]) => `${name}@${version}`)
    await install(FOLDER, packages)
  }
  return FOLDER
}

async function versionOf(name: string): Promise<string | undefined> {
  const text = await readFile(join(FOLDER, 'node_modules', name, 'package.json'), 'utf8').catch(() => '{}')
  return (JSON.parse(text) as { readonly version?: string }).version
}
