import { type Host, systemHost } from '../runtime/host.js'
import { InstanceRoleError } from '../errors.js'
import { CONFIG_FILES, loadConfigFiles } from './config-loader.js'
import type { ConfigFiles, ConfigSources } from './config.js'
import { inspect, type Inspection, inspectText } from './config-files.js'
import { badConfig } from './setting-values.js'

/** As long as a load has by default, at the most. */
const READING_LIMIT_MS = 10_000

/**
 * The environment and the AWS config file of this process; `profile` is the one that was asked for, if any. `warn` is told of each file
 * that is there and cannot be used.
 */
export function systemConfigSources(
  profile: string | undefined,
  readingLimitMs: number = READING_LIMIT_MS,
  warn: (warning: string) => void = () => {},
): ConfigSources {
  const name = profileName(profile)
  return {
    env: systemHost.env(),
    loadProfile: async () => {
      const { configFile, credentialsFile, warnings = [] } = await readConfigFiles(readingLimitMs)
      warnings.forEach(warn)
      return { name, keys: { ...credentialsFile[name], ...configFile[name] } }
    },
  }
}

/** The profile whose settings are read, where `asked` was asked for. */
export function profileName(asked: string | undefined): string {
  return asked ?? (systemHost.env()['AWS_PROFILE'] || 'default')
}

/**
 * Reads both files; one that is not there, or is no readable regular file, is empty and is never opened.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG` where they are not read within `limitMs`, or for want of a home directory
 */
export async function readConfigFiles(limitMs: number, host: Host = systemHost): Promise<ConfigFiles> {
  const inspections = {
    config: findFile('config file', 'AWS_CONFIG_FILE', '.aws/config', host),
    credentials: findFile('credentials file', 'AWS_SHARED_CREDENTIALS_FILE', '.aws/credentials', host),
  }
  const both = Object.values(inspections)
  const warnings = both.flatMap((one) => ('warning' in one ? one.warning : []))
  const files = both.flatMap((one) => ('file' in one ? one.file : []))
  // The SDK's loader takes as long to load as all the rest: only where there is a file for it to read.
  if (files.length === 0) return { configFile: {}, credentialsFile: {}, warnings }
  const pathOf = (found: Inspection): string => ('file' in found ? found.file.path : host.devNull())
  const read = async (): Promise<ConfigFiles> => {
    const paths = { configFilepath: pathOf(inspections.config), filepath: pathOf(inspections.credentials) }
    const loaded = await loadConfigFiles(paths).catch(tellNoHome)
    const texts = await Promise.all(files.map((file) => inspectText(file, host)))
    return { ...loaded, warnings: [...warnings, ...texts.flatMap((text) => text ?? [])] }
  }
  return inTime(read(), Math.min(limitMs, READING_LIMIT_MS), host)
}

/** A file on a network that has gone away is never read to its end. */
function inTime<T>(reading: Promise<T>, limitMs: number, host: Host): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = host.afterRealTime(limitMs, () => reject(unread(`within ${limitMs} ms`)))
    reading.then(resolve, reject).finally(cancel)
  })
}

function unread(why: string): Error {
  return badConfig(CONFIG_FILES, `not read ${why}`)
}

/** The file that `variable` names, or the one at `place` in the home directory. */
function findFile(title: string, variable: string, place: string, host: Host): Inspection {
  const named = host.env()[variable]
  const path = named || `~/${place}`
  if (!path.startsWith('~/')) return inspect({ title, path }, host)
  const home = homeOf(host)
  if (home !== undefined) return inspect({ title, path: `${home}${path.slice(1)}` }, host)
  return named ? tellNoHome() : {}
}

/** The home directory as the AWS SDKs find it. */
function homeOf(host: Host): string | undefined {
  const { HOME, USERPROFILE, HOMEPATH, HOMEDRIVE = 'C:\\' } = host.env()
  return HOME || USERPROFILE || (HOMEPATH ? `${HOMEDRIVE}${HOMEPATH}` : host.homedir())
}

/** The loader swallows all but this, also where a variable names the file. */
function tellNoHome(error?: unknown): never {
  if (error instanceof InstanceRoleError) throw error
  throw unread('for want of a home directory: set HOME')
}
