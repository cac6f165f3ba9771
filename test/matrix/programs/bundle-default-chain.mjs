// Bundles default-credentials.mjs or .cjs: BUNDLER FORMAT FOLDER [alias]. With `alias`, the bundler does what an override does.
import { builtinModules } from 'node:module'
import { promisify } from 'node:util'

const [bundler, format, folder, wish] = process.argv.slice(2)
const isEsm = format === 'esm'
const ending = isEsm ? 'mjs' : 'cjs'
const entry = `default-credentials.${ending}`
const alias = wish === 'alias' ? { '@smithy/credential-provider-imds': 'instance-role-imds' } : {}
const requireInEsm =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

const bundlers = {
  esbuild: async () => {
    const { build } = await import('esbuild')
    await build({
      ...{ entryPoints: { main: entry }, bundle: true, platform: 'node', target: 'node20', format, alias },
      ...{ outdir: folder, outExtension: { '.js': `.${ending}` }, logLevel: 'warning' },
      banner: isEsm ? { js: requireInEsm } : {},
    })
  },
  webpack: async () => {
    const { default: webpack } = await import('webpack')
    const stats = await promisify(webpack)({
      ...{ mode: 'production', target: 'node20', context: process.cwd(), entry: `./${entry}` },
      ...{ resolve: { alias }, experiments: { outputModule: isEsm } },
      output: {
        ...{ path: folder, filename: `main.${ending}`, chunkFilename: `[id].${ending}`, module: isEsm },
        ...(isEsm && { library: { type: 'module' } }),
      },
    })
    if (stats.hasErrors()) throw new Error(stats.toString({ all: false, errors: true }))
  },
  rollup: async () => {
    const [{ rollup }, { default: commonjs }, { default: json }, { nodeResolve }, { default: substitute }] =
      await Promise.all([
        import('rollup'),
        import('@rollup/plugin-commonjs'),
        import('@rollup/plugin-json'),
        import('@rollup/plugin-node-resolve'),
        import('@rollup/plugin-alias'),
      ])
    const bundle = await rollup({
      input: { main: entry },
      external: builtinModules.filter((name) => name === 'sqlite' || name === 'node:sqlite'),
      plugins: [
        substitute({ entries: alias }),
        nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }),
        commonjs({ ignore: ['node:sqlite'] }),
        json(),
      ],
      onwarn: () => {},
    })
    const names = { entryFileNames: `[name].${ending}`, chunkFileNames: `[name]-[hash].${ending}` }
    await bundle.write({ dir: folder, format, ...names })
    await bundle.close()
  },
  vite: async () => {
    const { build } = await import('vite')
    const names = { entryFileNames: `main.${ending}`, chunkFileNames: `[name]-[hash].${ending}` }
    await build({
      ...{ configFile: false, logLevel: 'error', resolve: { alias }, ssr: { noExternal: true } },
      build: {
        ...{ ssr: entry, target: 'node20', outDir: folder },
        rollupOptions: { output: { format, ...names } },
      },
    })
  },
}

await bundlers[bundler]()
