import { randomBytes } from 'node:crypto'
import { lstat, open, rename, rm } from 'node:fs/promises'
import type { Stats } from 'node:fs'
import { UsageError } from './command.js'

/** Rights of group and others. */
const OTHERS = 0o077

/**
 * Make sure that a token can be written to `path`: it must not exist, or be a regular file with one name that only this user can read.
 *
 * @throws {UsageError} otherwise
 */
export async function requireOwnFile(path: string): Promise<void> {
  // The environment of a service, and stdout, hold it in one line.
  if (/\p{Cc}/u.test(path)) throw new UsageError('--token-file must not contain control characters')
  const stats = await statsOf(path)
  const complaint = stats && complaintAbout(stats)
  if (complaint !== undefined)
    throw new UsageError(`--token-file ${path} ${complaint}; remove it or name another`)
}

async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw unusable(path, error)
  }
}

function complaintAbout(stats: Stats): string | undefined {
  if (stats.isSymbolicLink() || stats.nlink > 1) return 'is a link'
  if (!stats.isFile()) return 'is not a regular file'
  // Windows has no such rights.
  if (process.getuid === undefined) return undefined
  if (stats.uid !== process.getuid()) return 'belongs to another user'
  return (stats.mode & OTHERS) === 0 ? undefined : 'can be read or written by others'
}

/**
 * Put the token into the file, with mode 0600 and without a line break, which SDKs would take for a part of it. The file is replaced as a
 * whole, so nobody reads half a token.
 *
 * @throws {UsageError} where the folder does not allow it
 */
export async function writeTokenFile(path: string, token: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await createPrivately(draft, token)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {})
    throw unusable(path, error)
  }
}

async function createPrivately(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  // Whatever the umask is.
  await file.chmod(0o600)
  await file.writeFile(text)
}

function unusable(path: string, error: unknown): UsageError {
  return new UsageError(`--token-file ${path} cannot be written: ${codeOf(error)}`)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
