import { type Host, systemHost } from '../runtime/host.js'
import { within } from '../runtime/abort.js'
import { HINTS, InstanceRoleError } from '../errors.js'
import { CONFIG_FILES, loadConfigFiles } from './config-loader.js'
import type { ConfigFiles, ConfigSources } from './config.js'
import { CONFIG_KEYS } from './variables-and-keys.js'
import { inspect, type Inspection, inspectText, type TextInspection } from './config-files.js'
import { badConfig } from './setting-values.js'

/** The default `deadline`. */
const READING_LIMIT_MS = 10_000

const NO_FILES: ConfigFiles = { configFile: {}, credentialsFile: {} }

/**
 * Returns the environment and the AWS config file of this process. `profile` is the profile that was asked for, if any. `warn` is
 * called for each file that exists and cannot be used.
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
      const files = await readConfigFiles(readingLimitMs, systemHost, CONFIG_KEYS)
      const { configFile, credentialsFile, warnings = [] } = files
      warnings.forEach(warn)
      return { name, keys: { ...credentialsFile[name], ...configFile[name] } }
    },
  }
}

/** Returns the profile whose settings are read. `asked` is the profile that was asked for, if any. */
export function profileName(asked: string | undefined): string {
  return asked ?? (systemHost.env()['AWS_PROFILE'] || 'default')
}

/**
 * Reads both files. A file that does not exist or is not a readable regular file counts as empty and is not opened. If `keys` are
 * given and neither file contains one of them, both count as empty: most config files on an instance only set a region.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG` if reading takes longer than `limitMs` or there is no home directory
 */
export async function readConfigFiles(
  limitMs: number,
  host: Host = systemHost,
  keys?: readonly string[],
): Promise<ConfigFiles> {
  const config = findFile('config file', 'AWS_CONFIG_FILE', '.aws/config', host)
  const credentials = findFile('credentials file', 'AWS_SHARED_CREDENTIALS_FILE', '.aws/credentials', host)
  const warnings = [config, credentials].flatMap(({ warning }) => warning ?? [])
  const files = [config, credentials].flatMap(({ file }) => file ?? [])
  if (files.length === 0) return { ...NO_FILES, warnings }
  const pathOf = ({ file }: Inspection): string => file?.path ?? host.devNull()
  const read = async (): Promise<ConfigFiles> => {
    const texts = await Promise.all(files.map((file) => inspectText(file, host)))
    const paths = { configFilepath: pathOf(config), filepath: pathOf(credentials) }
    // Importing the SDK's loader takes as long as importing everything else.
    const loaded = mayHave(keys, texts) ? await loadConfigFiles(paths, host).catch(tellNoHome) : NO_FILES
    return { ...loaded, warnings: [...warnings, ...texts.flatMap(({ warning }) => warning ?? [])] }
  }
  const longestMs = Math.min(limitMs, READING_LIMIT_MS)
  const late = (): Error => badConfig(CONFIG_FILES, `not read within ${longestMs} ms`, HINTS.unreadFiles)
  // Reading a file on a disconnected network drive never ends.
  return within(longestMs, host.afterRealTime, read(), late)
}

/** A file whose text could not be read is left to the loader. */
function mayHave(keys: readonly string[] | undefined, texts: readonly TextInspection[]): boolean {
  if (keys === undefined) return true
  return texts.some(({ text }) => text === undefined || keys.some((key) => text.includes(key)))
}

/** Returns the file that `variable` names, or the one at `place` in the home directory. */
function findFile(title: string, variable: string, place: string, host: Host): Inspection {
  const named = host.env()[variable]
  const path = named || `~/${place}`
  if (!path.startsWith('~/')) return inspect({ title, path }, host)
  const home = homeOf(host)
  if (home !== undefined) return inspect({ title, path: `${home}${path.slice(1)}` }, host)
  return named ? tellNoHome() : {}
}

/** Finds the home directory as the AWS SDKs do. */
function homeOf(host: Host): string | undefined {
  const { HOME, USERPROFILE, HOMEPATH, HOMEDRIVE = 'C:\\' } = host.env()
  return HOME || USERPROFILE || (HOMEPATH ? `${HOMEDRIVE}${HOMEPATH}` : host.homedir())
}

/** The loader ignores every error but this one, which it throws even if a variable names the file. */
function tellNoHome(error?: unknown): never {
  if (error instanceof InstanceRoleError) throw error
  throw badConfig(CONFIG_FILES, 'not read, because there is no home directory', HINTS.noHome)
}
