import type { ConfigSources } from './config.js'

/** The environment and the AWS config file of this process; `profile` is the one that was asked for, if any. */
export function systemConfigSources(profile: string | undefined): ConfigSources {
  return {
    env: process.env,
    // The SDK's loader is loaded only where the config file is read.
    loadProfile: async () => {
      const { getProfileName, loadSharedConfigFiles } = await import('@smithy/core/config')
      const name = getProfileName(profile === undefined ? {} : { profile })
      const { configFile, credentialsFile } = await loadSharedConfigFiles()
      return { name, keys: { ...credentialsFile[name], ...configFile[name] } }
    },
  }
}
