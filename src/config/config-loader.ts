import type { ConfigFiles } from './config.js'
import { HINTS, InstanceRoleError } from '../errors.js'
import { badConfig } from './setting-values.js'
import { codeOf } from '../runtime/member-of.js'
import type { Host } from '../runtime/host.js'

/** The paths of both files. They are passed on, so that the loader opens the files that were checked. */
export interface ConfigPaths {
  readonly configFilepath: string
  readonly filepath: string
}

type LoadConfigFiles = (options: ConfigPaths & { readonly ignoreCache: boolean }) => Promise<ConfigFiles>

export const CONFIG_FILES = 'config file (AWS_CONFIG_FILE) or credentials file (AWS_SHARED_CREDENTIALS_FILE)'

let wasWithoutDescriptors = false

/**
 * Reads both files with the AWS SDK's own config loader, which is imported at the first call.
 *
 * @throws {InstanceRoleError} `UNREACHABLE` if the process has no file descriptor left, `BAD_CONFIG` if the loader cannot be
 * imported
 */
export async function loadConfigFiles(paths: ConfigPaths, host: Host): Promise<ConfigFiles> {
  requireDescriptors(host)
  const load = await importLoader(host)
  if (load === undefined) return warnWithoutLoader(host)
  // The loader caches failed reads as well.
  return load({ ...paths, ignoreCache: wasWithoutDescriptors })
}

/** The loader opens at most two descriptors at once; one more is for this check. */
const NEEDED_DESCRIPTORS = 3

/**
 * Checked first. If no file descriptor is left, the loader treats both files as empty, and Node 20 caches the failed `import()` and
 * treats each `package.json` as absent, until the process ends.
 */
function requireDescriptors(host: Host): void {
  const { closeSync, openSync } = host.fs()
  const devNull = host.devNull()
  const opened: number[] = []
  try {
    while (opened.length < NEEDED_DESCRIPTORS) opened.push(openSync(devNull, 'r'))
  } catch (error) {
    // Other errors, such as a missing permission, are left to the loader.
    throwIfWithoutDescriptors(error)
  } finally {
    for (const descriptor of opened) closeSync(descriptor)
  }
}

function throwIfWithoutDescriptors(error: unknown): void {
  const code = codeOf(error) ?? ''
  if (!/^E[MN]FILE$/.test(code)) return
  wasWithoutDescriptors = true
  const message = `The ${CONFIG_FILES} cannot be opened (${code}): the process has too many open files.`
  throw new InstanceRoleError('UNREACHABLE', message, { remedy: HINTS.openFiles })
}

/** Returns `undefined` if the bundler or test environment resolves the loader to its browser build, which reads no files. */
async function importLoader(host: Host): Promise<LoadConfigFiles | undefined> {
  const loader: unknown = await import('@smithy/core/config').catch((error: unknown) =>
    requireLoader(error, host),
  )
  return hasLoader(loader) ? loader.loadSharedConfigFiles : undefined
}

/** Node can cache a failed `import()` for ever. It never caches a failed `require()`. */
function requireLoader(importError: unknown, host: Host): unknown {
  try {
    return host.require('@smithy/core/config')
  } catch (error) {
    requireDescriptors(host)
    throwIfWithoutDescriptors(error)
    const why = `not read: the package @smithy/core does not load (${codeOf(importError) ?? 'no code'})`
    throw badConfig(CONFIG_FILES, why, HINTS.brokenInstall)
  }
}

function hasLoader(loader: unknown): loader is { readonly loadSharedConfigFiles: LoadConfigFiles } {
  if (typeof loader !== 'object' || loader === null || !('loadSharedConfigFiles' in loader)) return false
  return typeof loader.loadSharedConfigFiles === 'function'
}

let hasWarned = false

function warnWithoutLoader(host: Host): ConfigFiles {
  const why = '@smithy/core is loaded in its form for browsers (the export condition "browser")'
  if (!hasWarned) host.warn(`The ${CONFIG_FILES} is not read: ${why}.`)
  hasWarned = true
  return { configFile: {}, credentialsFile: {} }
}
