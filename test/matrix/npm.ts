import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Unavailable } from './check.js'
import { type Command, runCommand } from './child-process.js'

const INSTALL_LIMIT_MS = 600_000

/** The registry is not reached, or has nothing for this platform; a version that it never had is a mistake of ours. */
export const NOT_TO_BE_HAD =
  /npm error code (E404|EBADPLATFORM|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENETUNREACH)/

/**
 * Installs packages, the newest that fit, in a folder. No install script is run.
 *
 * @throws {Unavailable} where the registry does not have them for this platform, or is not reached
 */
export async function install(folder: string, packages: readonly string[]): Promise<void> {
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }))
  const { code, stderr } = await npm(folder, [
    'install',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    ...packages,
  ])
  if (code === 0) return
  const [, reason] = NOT_TO_BE_HAD.exec(stderr) ?? []
  if (reason !== undefined) throw new Unavailable(`${packages.join(', ')}: not to be had here (${reason})`)
  throw new Error(`npm install ${packages.join(' ')}\n${stderr}`)
}

/** Packs the built package; gives the tarball's path. */
export async function pack(root: string, destination: string): Promise<string> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination]
  const { code, stdout, stderr } = await npm(root, args)
  if (code !== 0) throw new Error(stderr)
  const [packed] = JSON.parse(stdout) as [{ readonly filename: string }]
  return join(destination, packed.filename)
}

/** The version of what is installed in a folder. */
export async function installedVersion(folder: string, name: string): Promise<string> {
  const text = await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}

function npm(cwd: string, args: readonly string[]): ReturnType<typeof runCommand> {
  const command: Command = {
    ...{ executable: process.platform === 'win32' ? 'npm.cmd' : 'npm', cwd },
    ...{ args: [...args, '--loglevel=error'], timeLimitMs: INSTALL_LIMIT_MS },
  }
  return runCommand(command)
}
