import type { Stats } from 'node:fs'
import { buffer } from '../runtime/builtins.js'
import { codeOf } from '../runtime/member-of.js'
import type { Host } from '../runtime/host.js'

/** `~/.aws/config` or `~/.aws/credentials`. */
export interface ConfigFile {
  /** The name of the file in a warning. */
  readonly title: string
  readonly path: string
}

/** A file that can be opened, or a warning about one that cannot. Neither if the file does not exist. */
export interface Inspection {
  readonly file?: ConfigFile
  readonly warning?: string
}

/** Checks a file without opening it. Opening a pipe without a writer would block for ever and keep the process alive. */
export function inspect(file: ConfigFile, host: Host): Inspection {
  const { accessSync, constants, statSync } = host.fs()
  try {
    const stats = statSync(file.path)
    if (!stats.isFile()) return isDevNull(stats, host) ? {} : ignored(file, `it is ${kindOf(stats)}`)
    accessSync(file.path, constants.R_OK)
    return { file }
  } catch (error) {
    const code = codeOf(error)
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? {}
      : ignored(file, `it may not be read (${code ?? 'unknown error'})`)
  }
}

/** The text of a file if it could be read, and a warning if the AWS SDKs would misread it. */
export interface TextInspection {
  readonly text?: string
  readonly warning?: string | undefined
}

/** Reads a file as UTF-8, as the AWS SDKs do. */
export async function inspectText(file: ConfigFile, host: Host): Promise<TextInspection> {
  try {
    const bytes = await host.fs().promises.readFile(file.path)
    const text = bytes.toString('utf8')
    if (bytes.includes(0)) return { text, warning: misread(file, 'UTF-16 or no text at all') }
    return buffer.isUtf8(bytes) ? { text } : { text, warning: misread(file, 'not UTF-8') }
  } catch (error) {
    return ignored(file, `it cannot be read (${codeOf(error) ?? 'unknown error'})`)
  }
}

function ignored({ title, path }: ConfigFile, why: string): { readonly warning: string } {
  return { warning: `The ${title} ${path} is ignored: ${why}.` }
}

function misread({ title, path }: ConfigFile, what: string): string {
  return `The ${title} ${path} is ${what}: settings in it may be missed. Save it as UTF-8.`
}

function isDevNull(stats: Stats, host: Host): boolean {
  if (!stats.isCharacterDevice()) return false
  return stats.rdev === host.fs().statSync(host.devNull()).rdev
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory'
  if (stats.isFIFO()) return 'a pipe (FIFO)'
  return stats.isSocket() ? 'a socket' : 'a device'
}
