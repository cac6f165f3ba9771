import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withInstance } from '../controlled-instance.js'
import { parseSeen, requireSeen } from '../expectation.js'
import type { UserProject } from './package-manager.js'

const PROGRAMS = join(import.meta.dirname, '../programs')
const CONFIG_FILE = `[profile by-source]
role_arn = arn:aws:iam::123456789012:role/other-role
credential_source = Ec2InstanceMetadata
`
const FORMATS = ['mjs', 'cjs']

/** Requests of one load: token, role, credentials. */
const ONE_LOAD = 3
const CLIENTS = 10

/** What a program saw, and what it cost. */
export interface Use {
  readonly seen: Readonly<Record<string, unknown>>
  /** Of the role. */
  readonly accessKeyId: string | undefined
  readonly requests: number
}

/** The programs, and the config file that they need. */
export async function addPrograms(folder: string): Promise<void> {
  await cp(PROGRAMS, folder, { recursive: true })
  await writeFile(join(folder, 'aws-config'), CONFIG_FILE)
}

/**
 * Ten clients, the chain by itself, a profile that names IMDS as its source, and the provider by itself; in both formats, with the
 * Node that `run` names.
 */
export async function useDefaultChain({ folder, shell }: UserProject, run: string): Promise<Use[]> {
  const uses: Use[] = []
  for (const format of FORMATS) {
    await withInstance(async ({ endpoint, instance, aws }) => {
      const env = { ...imds(endpoint), AWS_CONFIG_FILE: join(folder, 'aws-config') }
      const seen = parseSeen(lastLine(await shell(`${run} default-chain.${format} ${aws.url}`, env)))
      const { accessKeyId } = instance.credentials ?? {}
      uses.push({ seen, accessKeyId, requests: instance.requests.length })
    })
  }
  return uses
}

/** @throws if a call failed, got other credentials, or did not share one load with all others */
export function requireOneLoad(uses: readonly Use[]): void {
  for (const { seen, accessKeyId: key, requests } of uses)
    requireSeen(
      { ...seen, requests },
      {
        ...{ calls: 'accepted', nodeProviderChain: key, profile: key, instanceMetadata: key },
        requests: ONE_LOAD,
      },
    )
}

/**
 * Whether each client asked for itself; AWS's own provider gives up after 1 s, so on a busy machine some of its calls fail.
 *
 * @throws if requests are as few as if the override were still there
 */
export function requireOfficial(uses: readonly Use[]): void {
  const requests = uses.map((use) => use.requests)
  if (requests.some((count) => count < CLIENTS)) throw new Error(`only ${requests.join(' and ')} requests`)
}

/** Where the SDK finds IMDS. */
export function imds(endpoint: string): Readonly<Record<string, string>> {
  return { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint, AWS_REGION: 'eu-central-1' }
}

/** A package manager that runs a program can have something to say before. */
export function lastLine(output: string): string {
  return output.split('\n').at(-1) ?? ''
}
