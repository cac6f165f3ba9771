import { build } from 'esbuild'

const [format, outdir] = process.argv.slice(2)
// As esbuild's users do where CommonJS packages, undici here, are bundled into an ES module.
const require = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
await build({
  entryPoints: { main: format === 'esm' ? 'bundled.mjs' : 'bundled.cjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format,
  outdir,
  outExtension: { '.js': format === 'esm' ? '.mjs' : '.cjs' },
  banner: format === 'esm' ? { js: require } : {},
  logLevel: 'warning',
})
