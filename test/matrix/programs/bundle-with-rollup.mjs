import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { rollup } from 'rollup'

const [format, dir] = process.argv.slice(2)
const ending = format === 'esm' ? 'mjs' : 'cjs'
// Where Node has no such module (20), undici does without; the plugin would import it at the top.
const undiciOnNode20 = { ignore: ['node:sqlite'] }
const bundle = await rollup({
  input: { main: `bundled.${ending}` },
  plugins: [
    nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }),
    commonjs(undiciOnNode20),
    json(),
  ],
})
await bundle.write({
  dir,
  format,
  entryFileNames: `[name].${ending}`,
  chunkFileNames: `[name]-[hash].${ending}`,
})
await bundle.close()
