import type { ConfigSources } from './config.js'

type Env = ConfigSources['env']

/** The environment and the AWS config file of this process; `profile` is the one that was asked for, if any. */
export function systemConfigSources(profile: string | undefined): ConfigSources {
  const { env } = process
  return {
    env,
    // The SDK's loader takes as long to load as all the rest: only where there is a file for it to read.
    loadProfile: async () => {
      if (!mayHaveFiles(env)) return { name: profile ?? (env['AWS_PROFILE'] || 'default'), keys: {} }
      const { getProfileName, loadSharedConfigFiles } = await import('@smithy/core/config')
      const name = getProfileName(profile === undefined ? {} : { profile })
      const { configFile, credentialsFile } = await loadSharedConfigFiles()
      return { name, keys: { ...credentialsFile[name], ...configFile[name] } }
    },
  }
}

/** Errs on the side of the loader, which alone knows where it looks. */
function mayHaveFiles(env: Env): boolean {
  // Not by `import`, for which Node would load `fs.promises` too: docs/discoveries.md, "Loading and waiting".
  const { homedir } = process.getBuiltinModule('node:os')
  const homes = [env['HOME'], env['USERPROFILE'], env['HOMEPATH'], homedir()].filter(
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
