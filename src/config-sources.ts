import type { ConfigSources, Profile } from './config.js'
import { badConfig } from './setting-values.js'

type Env = ConfigSources['env']

/** As long as a load has by default. */
const READING_LIMIT_MS = 10_000

/** The environment and the AWS config file of this process; `profile` is the one that was asked for, if any. */
export function systemConfigSources(
  profile: string | undefined,
  readingLimitMs: number = READING_LIMIT_MS,
): ConfigSources {
  const { env } = process
  return {
    env,
    // The SDK's loader takes as long to load as all the rest: only where there is a file for it to read.
    loadProfile: async () =>
      mayHaveFiles(env)
        ? inTime(readProfile(profile), readingLimitMs)
        : { name: profile ?? (env['AWS_PROFILE'] || 'default'), keys: {} },
  }
}

async function readProfile(profile: string | undefined): Promise<Profile> {
  const { getProfileName, loadSharedConfigFiles } = await import('@smithy/core/config')
  const name = getProfileName(profile === undefined ? {} : { profile })
  const { configFile, credentialsFile } = await loadSharedConfigFiles().catch(tellNoHome)
  return { name, keys: { ...credentialsFile[name], ...configFile[name] } }
}

/** Kept from import: a file is read in real time, whatever clock a test has put in its place by then. */
const realTime = { setTimeout, clearTimeout }

/** A home on a network that is gone never answers, nor does a pipe that nobody writes to. */
function inTime<T>(reading: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(badConfig('AWS config file', `not read within ${limitMs} ms`))
    const timer = realTime.setTimeout(giveUp, limitMs)
    reading.then(resolve, reject).finally(() => realTime.clearTimeout(timer))
  })
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
function tellNoHome(): never {
  throw badConfig('AWS config file', 'not read: this user has no home directory, and HOME is not set')
}
