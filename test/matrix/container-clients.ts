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
  /** Where a caller reads the message of the server: in the SDK's error, or in that of the provider behind the chain. */
  readonly tells: 'error' | 'provider' | 'nowhere'
}

/** Makes ready a client, in the project that holds the programs. */
export type PrepareClient = (workbench: Workbench) => Promise<ContainerClient>

export const PROJECT = 'many-processes'
const PACKAGES = ['@aws-sdk/client-sts', '@aws-sdk/credential-providers', 'aws-sdk@2']

/** The folder with the packed package and the SDKs. */
export function projectOf(workbench: Workbench): Promise<string> {
  return workbench.project(PROJECT, PACKAGES)
}

export const CLIENTS: Readonly<Record<string, PrepareClient>> = {
  'AWS SDK for JavaScript v3, default chain': async (workbench) => {
    const version = await installedVersion(await projectOf(workbench), '@aws-sdk/client-sts')
    return { name: 'SDK v3', version, command: [process.execPath, 'many-clients.mjs'], tells: 'provider' }
  },
  'AWS SDK for JavaScript v2': async (workbench) => {
    const version = await installedVersion(await projectOf(workbench), 'aws-sdk')
    return { name: 'SDK v2', version, command: [process.execPath, 'many-clients.cjs'], tells: 'nowhere' }
  },
  botocore: () => {
    const version = versionOf('python3', ['-c', 'import botocore; print(botocore.__version__)'])
    return Promise.resolve({
      name: 'botocore',
      version,
      command: ['python3', 'many-clients.py'],
      tells: 'error',
    })
  },
}

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
