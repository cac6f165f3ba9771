import { copyFile, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { outputOf } from '../matrix/child-process.js'
import { pack } from '../matrix/npm.js'
import { createNpmProject, OFFICIAL, OVERRIDE, shell } from '../registry/npm-project.js'
import { startRegistry } from '../registry/registry.js'

const ROOT = resolve(import.meta.dirname, '../..')
const PROGRAMS = join(ROOT, 'test/matrix/programs')

/** A folder in which npm has installed clients of the AWS SDK, with the packed drop-in in place of AWS's package. */
export interface OverriddenProject {
  readonly folder: string
  /** Runs a program of `test/matrix/programs` there; gives what it printed, as JSON. */
  run(program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<unknown>
  remove(): Promise<void>
}

const CONFIG_FILE = `[profile by-source]
role_arn = arn:aws:iam::123456789012:role/other-role
credential_source = Ec2InstanceMetadata
`

/** Needs no network: npm is given the very versions that this repository has installed. */
export async function createOverriddenProject(): Promise<OverriddenProject> {
  const at = await realpath(await mkdtemp(join(tmpdir(), 'drop-in-')))
  const tarballs = [await pack(ROOT, at), await pack(join(ROOT, 'drop-in'), at)]
  const registry = await startRegistry({ tarballs, project: ROOT })
  const folder = join(at, 'application')
  await createNpmProject(folder, registry.url, { overrides: { [OFFICIAL]: OVERRIDE } })
  await shell(folder, 'npm install @aws-sdk/client-s3 @aws-sdk/credential-providers')
  await registry.close()
  await writeFile(join(folder, 'aws-config'), CONFIG_FILE)
  return {
    folder,
    remove: () => rm(at, { recursive: true, force: true }),
    run: async (program, args, given) => {
      await copyFile(join(PROGRAMS, 'use-default-chain.cjs'), join(folder, 'use-default-chain.cjs'))
      await copyFile(join(PROGRAMS, program), join(folder, program))
      const env = { AWS_CONFIG_FILE: join(folder, 'aws-config'), ...given }
      const output = await outputOf({
        ...{ executable: process.execPath, args: [program, ...args], cwd: folder, env },
      })
      return JSON.parse(output) as unknown
    },
  }
}
