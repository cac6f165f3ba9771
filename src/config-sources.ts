import { CONFIG_FILES, loadConfigFiles } from './config-loader.js'
import type { ConfigFiles, ConfigSources } from './config.js'
import { InstanceRoleError } from './errors.js'
import { badConfig } from './setting-values.js'

type Env = ConfigSources['env']

/** As long as a load has by default, at the most. */
const READING_LIMIT_MS = 10_000

/** The environment and the AWS config file of this process; `profile` is the one that was asked for, if any. */
export function systemConfigSources(
  profile: string | undefined,
  readingLimitMs: number = READING_LIMIT_MS,
): ConfigSources {
  const { env } = process
  const name = profileName(profile)
  return {
    env,
    loadProfile: async () => {
      const { configFile, credentialsFile } = await readConfigFiles(readingLimitMs)
      return { name, keys: { ...credentialsFile[name], ...configFile[name] } }
    },
  }
}

/** The profile whose settings are read, where `asked` was asked for. */
export function profileName(asked: string | undefined): string {
  return asked ?? (process.env['AWS_PROFILE'] || 'default')
}

/**
 * Reads both files; one that is not there is empty.
 *
 * @throws {InstanceRoleError} `BAD_CONFIG` where they are not read within `limitMs`, or for want of a home directory
 */
export async function readConfigFiles(limitMs: number): Promise<ConfigFiles> {
  // The SDK's loader takes as long to load as all the rest: only where there is a file for it to read.
  if (!mayHaveFiles(process.env)) return { configFile: {}, credentialsFile: {} }
  return inTime(loadConfigFiles().catch(tellNoHome), Math.min(limitMs, READING_LIMIT_MS))
}

/** Kept from import: a file is read in real time, whatever clock a test has put in its place by then. */
const realTime = { setTimeout, clearTimeout }

/** A pipe that nobody writes to never ends. */
function inTime<T>(reading: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(unread(`within ${limitMs} ms`))
    const timer = realTime.setTimeout(giveUp, limitMs)
    reading.then(resolve, reject).finally(() => realTime.clearTimeout(timer))
  })
}

function unread(why: string): Error {
  return badConfig(CONFIG_FILES, `not read ${why}`)
}

/** Errs on the side of the loader, which alone knows where it looks. */
function mayHaveFiles(env: Env): boolean {
  // Not by `import`, for which Node would load `fs.promises` too: docs/discoveries.md, "Loading and waiting".
  const { homedir } = process.getBuiltinModule('node:os')
  const homes = [env['HOME'], env['USERPROFILE'], env['HOMEPATH'], orNone(homedir)].filter(
    (home) => home !== undefined,
  )
  return (
    mayExist(env['AWS_CONFIG_FILE'], homes, 'config') ||
    mayExist(env['AWS_SHARED_CREDENTIALS_FILE'], homes, 'credentials')
  )
}

function mayExist(path: string | undefined, homes: readonly string[], name: string): boolean {
  const { existsSync } = process.getBuiltinModule('node:fs')
  if (path) return path.startsWith('~') || existsSync(path)
  return homes.some((home) => existsSync(`${home}/.aws/${name}`))
}

/** A user that no password file knows has no home: in a container, say. */
function orNone(homedir: () => string): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}

/** The loader swallows all but this, also where a variable names the file. */
function tellNoHome(error: unknown): never {
  if (error instanceof InstanceRoleError) throw error
  throw unread('for want of a home directory: set HOME')
}
