import { mkdir, rm, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { createNpmProject, shell } from '../../registry/npm-project.js'
import { Unavailable } from '../check.js'
import { NOT_TO_BE_HAD } from '../npm.js'
import { NODE } from '../platform.js'
import type { Workbench } from '../workbench.js'
import { type Block, blocksOf, type Chapter } from './page.js'

/** A package manager, as its users have it. */
export interface PackageManager {
  readonly name: string
  /** What npm has it as; npm itself is there. */
  readonly tool: string | undefined
  /** The line of Node that it needs; without it, the one that runs the matrix. */
  readonly line?: string
  /** Its heading on the page. */
  readonly heading: 'npm' | 'pnpm' | 'Yarn'
  readonly installCommand: string
  /** Stands before a script's name. */
  readonly run: string
  /** Settings for a registry, by file. */
  readonly settings: (registry: string) => Readonly<Record<string, string>>
}

const yarn4 = (linker: 'node-modules' | 'pnp'): PackageManager => ({
  name: `Yarn 4 (${linker})`,
  ...{ tool: '@yarnpkg/cli-dist@4', heading: 'Yarn', installCommand: 'yarn install', run: 'yarn node' },
  settings: (registry) => ({
    '.yarnrc.yml': [
      `npmRegistryServer: '${registry}'`,
      `nodeLinker: ${linker}`,
      'pnpEnableEsmLoader: true',
      ...["unsafeHttpWhitelist: ['127.0.0.1']", 'enableGlobalCache: false', 'enableTelemetry: false', ''],
    ].join('\n'),
  }),
})

const none = (): Readonly<Record<string, string>> => ({})

export const NPM: PackageManager = {
  ...{ name: 'npm', tool: undefined, heading: 'npm', installCommand: 'npm install', run: 'node' },
  settings: none,
}

/** Every line of npm that runs on a supported Node; 12 needs Node 22.22. */
export const NPM_LINES: readonly PackageManager[] = [
  { ...NPM, name: 'npm 10', tool: 'npm@10' },
  { ...NPM, name: 'npm 11', tool: 'npm@11' },
  { ...NPM, name: 'npm 12', tool: 'npm@12', line: '24' },
]

export const PACKAGE_MANAGERS: readonly PackageManager[] = [
  NPM,
  {
    ...{ name: 'pnpm', tool: 'pnpm@latest', heading: 'pnpm', installCommand: 'pnpm install', run: 'node' },
    settings: none,
  },
  {
    ...{ name: 'Yarn 1', tool: 'yarn@1', heading: 'Yarn', installCommand: 'yarn install', run: 'node' },
    settings: none,
  },
  yarn4('node-modules'),
  yarn4('pnp'),
]

/** A user's project on a workbench. */
export interface UserProject {
  readonly folder: string
  /** Runs a command line; gives what it printed. */
  readonly shell: (commandLine: string, env?: Readonly<Record<string, string>>) => Promise<string>
  /** Does what the page says. */
  readonly follow: (chapter: Chapter) => Promise<void>
}

interface ProjectOptions {
  readonly registry: string
  readonly id: string
  readonly manifest: object
  /** Texts, by path. */
  readonly files?: Readonly<Record<string, string>>
}

/** Installs what the manifest says, without any override, so that there is a lock file. */
export async function createUserProject(
  workbench: Workbench,
  packageManager: PackageManager,
  { registry, id, manifest, files = {} }: ProjectOptions,
): Promise<UserProject> {
  const { name, heading, installCommand, settings } = packageManager
  const folder = await workbench.folder(`${name}-${id}`)
  await createNpmProject(folder, registry, manifest)
  for (const [file, text] of Object.entries({ ...settings(registry), ...files })) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), text)
  }
  const path = await searchPath(workbench, packageManager)
  const caches = await workbench.folder('caches')
  const places = { YARN_CACHE_FOLDER: join(caches, 'yarn'), XDG_DATA_HOME: caches, XDG_CACHE_HOME: caches }
  const run: UserProject['shell'] = async (commandLine, env = {}) => {
    const { stdout } = await shell(folder, commandLine, { ...places, PATH: path, CI: '', ...env })
    return stdout.trim()
  }
  await run(installCommand).catch(asUnavailable)
  const follow = async (chapter: Chapter): Promise<void> => {
    if (chapter === 'Undo' && heading === 'pnpm') await rm(join(folder, 'pnpm-workspace.yaml'))
    for (const block of blocksOf(chapter, heading)) await followBlock(folder, run, block)
  }
  return { folder, shell: run, follow }
}

async function followBlock(
  folder: string,
  run: UserProject['shell'],
  { language, text }: Block,
): Promise<void> {
  const [, file] = /^# (\S+\.yaml)\n/.exec(text) ?? []
  if (language === 'sh') await run(`set -e\n${text}`)
  else if (file !== undefined) await writeFile(join(folder, file), text)
}

async function searchPath(workbench: Workbench, { tool, line }: PackageManager): Promise<string> {
  const node = line === undefined ? process.execPath : await workbench.executable(NODE, line)
  const own = tool === undefined ? [] : [await binaries(workbench, tool)]
  return [...own, dirname(node), process.env['PATH']].join(delimiter)
}

/** The folder of the tool's commands; the workbench installs it once, whoever asks. */
async function binaries(workbench: Workbench, tool: string): Promise<string> {
  const at = tool.lastIndexOf('@')
  const name = tool.slice(0, at)
  const manifest = await workbench.executable({ name, path: 'package.json' }, tool.slice(at + 1))
  return join(manifest, '..', ...name.split('/').map(() => '..'), '.bin')
}

function asUnavailable(error: unknown): never {
  const [, reason] = NOT_TO_BE_HAD.exec(String(error)) ?? []
  throw reason === undefined ? error : new Unavailable(`not to be had here (${reason})`)
}
