import type { Stats } from 'node:fs'
import { isError } from '../runtime/abort.js'
import { buffer } from '../runtime/builtins.js'
import type { Host } from '../runtime/host.js'

/** One of the two files of the AWS SDKs. */
export interface ConfigFile {
  /** What it is called in a warning. */
  readonly title: string
  readonly path: string
}

/** A file that may be opened; or, of one that may not, a warning, unless it is simply not there. */
export type Inspection = { readonly file: ConfigFile } | { readonly warning?: string }

/** Looks at a file without opening it: to open a pipe to which nobody writes takes for ever, and keeps the process alive. */
export function inspect(file: ConfigFile, host: Host): Inspection {
  const { accessSync, constants, statSync } = host.fs()
  try {
    const stats = statSync(file.path)
    if (!stats.isFile()) return isDevNull(stats, host) ? {} : ignored(file, `it is ${kindOf(stats)}`)
    accessSync(file.path, constants.R_OK)
    return { file }
  } catch (error) {
    const code = codeOf(error)
    return code === 'ENOENT' || code === 'ENOTDIR' ? {} : ignored(file, `it may not be read (${code})`)
  }
}

/** The text of a file, where it can be read; and a warning where the AWS SDKs will not find in it what its author wrote. */
export interface TextInspection {
  readonly text?: string
  readonly warning?: string | undefined
}

/** Reads a file as the AWS SDKs do, which take it for UTF-8. */
export async function inspectText(file: ConfigFile, host: Host): Promise<TextInspection> {
  try {
    const bytes = await host.fs().promises.readFile(file.path)
    const text = bytes.toString('utf8')
    if (bytes.includes(0)) return { text, warning: misread(file, 'UTF-16 or no text at all') }
    return buffer.isUtf8(bytes) ? { text } : { text, warning: misread(file, 'not UTF-8') }
  } catch (error) {
    return ignored(file, `it cannot be read (${codeOf(error)})`)
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

function codeOf(error: unknown): string {
  return isError(error) && 'code' in error ? String(error.code) : 'unknown error'
}
