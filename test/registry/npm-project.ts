import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Ended, runCommand } from '../matrix/child-process.js'

const INSTALL_LIMIT_MS = 300_000

/** The name that the drop-in stands in for. */
export const OFFICIAL = '@smithy/credential-provider-imds'
export const OVERRIDE = 'npm:instance-role-imds@^0.1.0'

/** A user's folder, with a `package.json`, whose packages come from `registry`. */
export async function createNpmProject(folder: string, registry: string, manifest: object): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, ...manifest }))
  const settings = ['audit=false', 'fund=false', 'update-notifier=false', 'ignore-scripts=true']
  const places = [`registry=${registry}`, `cache=${join(folder, '.npm-cache')}`]
  await writeFile(join(folder, '.npmrc'), [...settings, ...places, ''].join('\n'))
}

/**
 * Runs a command line as a user types it.
 *
 * @throws with all that it printed where it fails
 */
export async function shell(
  cwd: string,
  commandLine: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const command = { executable: 'sh', args: ['-c', commandLine], cwd, env, timeLimitMs: INSTALL_LIMIT_MS }
  const ended = await runCommand(command)
  if (ended.code !== 0) throw new Error(`${commandLine}\n${ended.stdout}${ended.stderr}`)
  return ended
}
