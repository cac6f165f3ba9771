import { spawnSync } from 'node:child_process'
import { Unavailable } from './check.js'
import { installedVersion } from './npm.js'
import type { Workbench } from './workbench.js'

/** A program with ten clients of an SDK that takes container credentials. */
export interface ContainerClient {
  readonly name: string
  readonly version: string
  /** Followed by for how many seconds it goes on asking. */
  readonly command: readonly string[]
}

/** An SDK that takes container credentials. */
export interface ContainerSdk {
  readonly name: string
  /** Where a caller reads the message of the server: in the SDK's error, in that of the provider behind its chain, or nowhere. */
  readonly tells: 'error' | 'provider' | 'nowhere'
  /** Makes ready the program, in the project that holds it. */
  readonly prepare: (workbench: Workbench) => Promise<ContainerClient>
}

const PACKAGES = ['@aws-sdk/client-sts', '@aws-sdk/credential-providers', 'aws-sdk@2']

/** The folder with the packed package and the SDKs. */
export function projectOf(workbench: Workbench): Promise<string> {
  return workbench.project('many-processes', PACKAGES)
}

export const SDKS: readonly ContainerSdk[] = [
  {
    name: 'AWS SDK for JavaScript v3, default chain',
    tells: 'provider',
    prepare: async (workbench) => ({
      name: 'SDK v3',
      version: await installedVersion(await projectOf(workbench), '@aws-sdk/client-sts'),
      command: [process.execPath, 'many-clients.mjs'],
    }),
  },
  {
    name: 'AWS SDK for JavaScript v2',
    tells: 'nowhere',
    prepare: async (workbench) => ({
      name: 'SDK v2',
      version: await installedVersion(await projectOf(workbench), 'aws-sdk'),
      command: [process.execPath, 'many-clients.cjs'],
    }),
  },
  {
    name: 'botocore',
    tells: 'error',
    prepare: () => {
      const version = versionOf('python3', ['-c', 'import botocore; print(botocore.__version__)'])
      return Promise.resolve({ name: 'botocore', version, command: ['python3', 'many-clients.py'] })
    },
  },
]

/**
 * What a command prints as its version.
 *
 * @throws {Unavailable} where this machine does not have it
 */
export function versionOf(command: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Unavailable(`${command} ${args.join(' ')}: not on this machine`)
  return stdout.trim().split('\n')[0] ?? ''
}
