import { promisify } from 'node:util'
import webpack from 'webpack'

const [format, path] = process.argv.slice(2)
const isEsm = format === 'esm'
const stats = await promisify(webpack)({
  mode: 'production',
  target: 'node20',
  context: process.cwd(),
  entry: isEsm ? './bundled.mjs' : './bundled.cjs',
  experiments: { outputModule: isEsm },
  output: {
    path,
    filename: isEsm ? 'main.mjs' : 'main.cjs',
    chunkFilename: isEsm ? '[id].mjs' : '[id].cjs',
    module: isEsm,
    ...(isEsm && { library: { type: 'module' } }),
  },
})
if (stats.hasErrors() || stats.hasWarnings())
  throw new Error(stats.toString({ all: false, errors: true, warnings: true }))
