import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from './check.js'
import { outputOf } from './child-process.js'
import { configFileIn } from './config-file.js'
import { withInstance } from './controlled-instance.js'
import { parseSeen, requireSeen } from './expectation.js'
import { installedVersion } from './npm.js'
import type { Workbench } from './workbench.js'

interface Bundler {
  readonly name: string
  readonly packages: readonly string[]
}

type Format = 'esm' | 'cjs'

/** An ES module made of an ES module, and CommonJS made of CommonJS. */
const FORMATS: readonly Format[] = ['esm', 'cjs']

const BUNDLERS: readonly Bundler[] = [
  { name: 'esbuild', packages: ['esbuild'] },
  { name: 'webpack', packages: ['webpack'] },
  {
    name: 'rollup',
    packages: ['rollup', '@rollup/plugin-node-resolve', '@rollup/plugin-commonjs', '@rollup/plugin-json'],
  },
  { name: 'vite', packages: ['vite'] },
]

/** The packed package in a bundle, with all that it depends on, that runs where nothing is installed. */
export function bundlerChecks(workbench: Workbench): Check[] {
  return BUNDLERS.flatMap((bundler) =>
    FORMATS.map((format) => ({
      section: 'bundlers',
      subject: `${bundler.name}, ${format.toUpperCase()}`,
      prove: () => prove(workbench, bundler, format),
    })),
  )
}

async function prove(workbench: Workbench, { name, packages }: Bundler, format: Format): Promise<string> {
  const project = await workbench.project(name, packages)
  const built = join(project, `out-${format}`)
  const args = [`bundle-with-${name}.mjs`, format, built]
  await outputOf({ executable: process.execPath, args, cwd: project })
  const files = await readdir(built)
  // Where no `node_modules` is in reach.
  const folder = await workbench.folder(`bundled-${name}-${format}`)
  for (const file of files) await rename(join(built, file), join(folder, file))
  const env = await configFileIn(folder)
  await withInstance(async ({ endpoint, instance }) => {
    const main = format === 'esm' ? 'main.mjs' : 'main.cjs'
    const seen = parseSeen(
      await outputOf({ executable: process.execPath, args: [main, endpoint], cwd: folder, env }),
    )
    requireSeen(seen, { accessKeyId: instance.credentials?.accessKeyId, code: 'UNREACHABLE' })
  })
  return `${name} ${await installedVersion(project, name)}, ${files.length} file${files.length === 1 ? '' : 's'}`
}
