import { randomBytes } from 'node:crypto'
import { lstat, open, rename, rm, stat } from 'node:fs/promises'
import type { Stats } from 'node:fs'
import { dirname } from 'node:path'
import { UsageError } from './command.js'
import { codeOf } from '../runtime/member-of.js'

/** Permissions of group and others. */
const OTHERS = 0o077
const WRITABLE_BY_ALL = 0o002
/** The mode of a folder such as /tmp, in which users can replace only their own files. */
const STICKY = 0o1000
const ROOT = 0

/**
 * Makes sure that a token can be written to `path`, and that no other user can put another file in its place: others must not be
 * able to write to the folder, and the file must not exist, or must be a regular file with one name that only this user can read.
 *
 * @throws {UsageError} otherwise
 */
export async function requireOwnFile(path: string): Promise<void> {
  // The path must fit in one line of a service's environment and of stdout.
  if (/\p{Cc}/u.test(path)) throw new UsageError('--token-file must not contain control characters')
  const file = await statsOf(path)
  const complaint = (file && complaintAbout(file)) ?? complaintAboutFolder(await folderOf(path))
  if (complaint !== undefined) throw new UsageError(`--token-file ${path} ${complaint}`)
}

async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw unusable(path, error)
  }
}

async function folderOf(path: string): Promise<Stats> {
  try {
    return await stat(dirname(path))
  } catch (error) {
    throw unusable(path, error)
  }
}

function complaintAbout(file: Stats): string | undefined {
  const reason = whyUnusable(file)
  return reason && `${reason}; remove it or name another`
}

function whyUnusable(file: Stats): string | undefined {
  if (file.isSymbolicLink()) return 'is a link'
  if (!file.isFile()) return 'is not a regular file'
  if (file.nlink > 1) return 'is a link'
  // Windows has no such permissions.
  if (process.getuid === undefined) return undefined
  if (file.uid !== process.getuid()) return 'belongs to another user'
  return (file.mode & OTHERS) === 0 ? undefined : 'can be read or written by others'
}

/** A user who can replace the token file decides which file the clients read and send. */
function complaintAboutFolder({ uid, mode }: Stats): string | undefined {
  if (process.getuid === undefined) return undefined
  const isOpen = (mode & WRITABLE_BY_ALL) !== 0 && (mode & STICKY) === 0
  if (isOpen)
    return 'is in a folder that every user can write to; name a folder of your own, such as one in /run'
  const isForeign = uid !== ROOT && uid !== process.getuid()
  return isForeign
    ? 'is in a folder of another user; name a folder of your own, such as one in /run'
    : undefined
}

/**
 * Writes the token to the file, with mode 0600 and without a line break, which SDKs would read as a part of the token. The file is
 * replaced as a whole, so nobody reads half of a token.
 *
 * @throws {UsageError} if the folder does not allow it
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
  // Independent of the umask.
  await file.chmod(0o600)
  await file.writeFile(text)
}

function unusable(path: string, error: unknown): UsageError {
  return new UsageError(`--token-file ${path} cannot be written: ${codeOf(error) ?? 'unknown error'}`)
}
