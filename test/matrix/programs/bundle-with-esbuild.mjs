import { build } from 'esbuild'

const [format, outdir] = process.argv.slice(2)
await build({
  entryPoints: { main: format === 'esm' ? 'bundled.mjs' : 'bundled.cjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format,
  outdir,
  outExtension: { '.js': format === 'esm' ? '.mjs' : '.cjs' },
  logLevel: 'warning',
})
