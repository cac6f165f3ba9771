import { build } from 'vite'

const [format, outDir] = process.argv.slice(2)
const ending = format === 'esm' ? 'mjs' : 'cjs'
await build({
  configFile: false,
  logLevel: 'warn',
  ssr: { noExternal: true },
  build: {
    ssr: `bundled.${ending}`,
    target: 'node20',
    outDir,
    rollupOptions: {
      output: { format, entryFileNames: `main.${ending}`, chunkFileNames: `[name]-[hash].${ending}` },
    },
  },
})
