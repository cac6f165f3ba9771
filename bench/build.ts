// Compiles the benchmark's programs to JavaScript, so that Node is measured, and not a TypeScript loader.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type BuildOptions, type Plugin } from 'esbuild'

const HERE = fileURLToPath(new URL('.', import.meta.url))

const common: BuildOptions = {
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  splitting: true,
  outdir: join(HERE, '.out'),
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
}

/** The programs use the built package, as an application does. */
const builtPackage: Plugin = {
  name: 'built-package',
  setup: (plugin) =>
    plugin.onResolve({ filter: /\/src\/index\.js$/ }, () => ({ path: 'instance-role', external: true })),
}

const programs = readdirSync(join(HERE, 'programs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(HERE, 'programs', name))

rmSync(join(HERE, '.out'), { recursive: true, force: true })
await build({ ...common, entryPoints: programs, outbase: HERE, plugins: [builtPackage], splitting: false })
await build({ ...common, entryPoints: [join(HERE, 'main.ts')] })
