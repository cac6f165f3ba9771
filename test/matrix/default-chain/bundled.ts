import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from '../check.js'
import { outputOf } from '../child-process.js'
import { withInstance } from '../controlled-instance.js'
import { parseSeen } from '../expectation.js'
import { installedVersion } from '../npm.js'
import type { Workbench } from '../workbench.js'
import { type Installed, NEWEST } from './installed.js'
import { NPM, type UserProject } from './package-manager.js'
import { imds } from './programs.js'

const BUNDLERS = ['esbuild', 'webpack', 'rollup', 'vite']
const PLUGINS = ['alias', 'commonjs', 'json', 'node-resolve'].map((name) => `@rollup/plugin-${name}`)
const TOOLS = Object.fromEntries([...BUNDLERS, ...PLUGINS].map((name) => [name, 'latest']))

type Way = 'override' | 'alias' | 'neither'

/** By the package manager's override, and by the bundler's own alias; in a folder where nothing is installed. */
export function bundledChecks(workbench: Workbench, installed: Installed): Check[] {
  const projects = bundlingProjects(installed)
  return BUNDLERS.flatMap((bundler) =>
    (['override', 'alias'] as const).map((way) => ({
      section: 'default-chain',
      subject: `${bundler}, by ${way}`,
      prove: async () => {
        const project = await projects[way]()
        for (const format of ['esm', 'cjs']) {
          const message = await failureOf(workbench, project, { bundler, format, way })
          if (!message.startsWith('InstanceRoleError NO_ROLE')) throw new Error(`${format}: ${message}`)
        }
        // The check itself can fail: a bundle with neither has AWS's own package in it.
        const message = await failureOf(workbench, await projects.alias(), {
          bundler,
          format: 'esm',
          way: 'neither',
        })
        if (!message.startsWith('CredentialsProviderError')) throw new Error(`with neither: ${message}`)
        return `${bundler} ${await installedVersion(project.folder, bundler)}, ESM and CJS`
      },
    })),
  )
}

function bundlingProjects({ project }: Installed): Record<'override' | 'alias', () => Promise<UserProject>> {
  let overridden: Promise<UserProject> | undefined
  let aliased: Promise<UserProject> | undefined
  const override = async (): Promise<UserProject> => {
    const made = await project('bundled-override', NPM, NEWEST, TOOLS)
    await made.follow('Put it in')
    return made
  }
  const alias = { ...TOOLS, 'instance-role-imds': '^0.1.0' }
  return {
    override: () => (overridden ??= override()),
    alias: () => (aliased ??= project('bundled-alias', NPM, NEWEST, alias)),
  }
}

/** What the bundled program says of an instance without a role, which is ours or the SDK's; it gives credentials where there is one. */
async function failureOf(
  workbench: Workbench,
  project: UserProject,
  { bundler, format, way }: { bundler: string; format: string; way: Way },
): Promise<string> {
  const name = `default-chain-${bundler}-${format}-${way}`
  const built = join(project.folder, name)
  await project.shell(`node bundle-default-chain.mjs ${bundler} ${format} ${built} ${way}`)
  // Where no `node_modules` is in reach.
  const folder = await workbench.folder(`bundled-${name}`)
  for (const file of await readdir(built)) await rename(join(built, file), join(folder, file))
  return withInstance(async ({ endpoint, instance }) => {
    const args = [format === 'esm' ? 'main.mjs' : 'main.cjs']
    const command = { executable: process.execPath, args, cwd: folder, env: imds(endpoint) }
    const { client: key } = parseSeen(await outputOf(command))
    if (key !== instance.credentials?.accessKeyId) throw new Error(`${format}: ${JSON.stringify(key)}`)
    instance.disassociateProfile()
    const { client } = parseSeen(await outputOf(command)) as { client: Record<string, string> }
    return `${client['name'] ?? ''} ${client['code'] ?? ''}: ${client['message'] ?? ''}`
  })
}
