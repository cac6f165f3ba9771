import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const MAX_BYTES = 100_000_000

/** One version of a package, as a registry has it. */
export interface Release {
  readonly manifest: Manifest
  readonly tarball: Buffer
  readonly integrity: string
}

export interface Manifest {
  readonly name: string
  readonly version: string
}

/** What is installed in a folder, packed again, without what is installed below it. */
export async function releaseOfFolder(folder: string): Promise<Release> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
  const args = ['-czf', '-', '--exclude', 'node_modules', '-C', dirname(folder), basename(folder)]
  const { stdout } = await run('tar', args, { encoding: 'buffer', maxBuffer: MAX_BYTES })
  return releaseOf(manifest, stdout)
}

/** What `npm pack` makes. */
export async function releaseOfTarball(path: string): Promise<Release> {
  const { stdout } = await run('tar', ['-xzOf', path, 'package/package.json'])
  return releaseOf(JSON.parse(stdout) as Manifest, await readFile(path))
}

function releaseOf(manifest: Manifest, tarball: Buffer): Release {
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  return { manifest, tarball, integrity }
}
