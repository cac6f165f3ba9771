import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { rollup } from 'rollup'

const [format, dir] = process.argv.slice(2)
const ending = format === 'esm' ? 'mjs' : 'cjs'
const bundle = await rollup({
  input: { main: `bundled.${ending}` },
  plugins: [nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }), commonjs(), json()],
})
await bundle.write({
  dir,
  format,
  entryFileNames: `[name].${ending}`,
  chunkFileNames: `[name]-[hash].${ending}`,
})
await bundle.close()
