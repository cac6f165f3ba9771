import { readFile, writeFile } from 'node:fs/promises'
import type { Options } from 'tsup'

const library = { index: 'src/index.ts', 'testing/index': 'src/testing/index.ts' }

/**
 * p-retry and what it depends on are ESM-only, so that Jest's CommonJS cannot require them; and to find two more packages
 * takes Node as long as to import all the rest.
 */
const BUNDLED = ['p-retry', 'is-network-error']

const common: Options = {
  target: 'node20',
  platform: 'node',
  sourcemap: false,
  splitting: true,
  noExternal: BUNDLED,
}

/** The package of `drop-in/`: it brings nothing of what it depends on. */
const dropIn: Options = {
  ...common,
  entry: { index: 'drop-in/src/index.ts' },
  outDir: 'drop-in/dist',
  format: ['esm', 'cjs'],
  external: ['instance-role', 'official-imds'],
  splitting: false,
}

const config: Options[] = [
  { ...dropIn, dts: { compilerOptions: { noEmit: false } } },
  {
    // By itself, so that the types are worked out once for both formats.
    entry: library,
    format: ['esm', 'cjs'],
    dts: { only: true, entry: library, compilerOptions: { noEmit: false } },
  },
  { ...common, entry: library, format: 'esm' },
  {
    // By itself: what it shared with the library would be files of their own, each of which takes time to import.
    ...common,
    entry: { main: 'src/cli/main.ts' },
    outDir: 'dist/cli',
    // A program that nobody imports or steps through, and half of the package.
    esbuildOptions(options) {
      options.minifyWhitespace = true
    },
    format: 'esm',
  },
  {
    ...common,
    entry: library,
    format: 'cjs',
    // With splitting, tsup makes each `require()` one that bundlers cannot follow.
    splitting: false,
    onSuccess: writeLicences,
    esbuildOptions(options) {
      // `import()` fails under Jest without --experimental-vm-modules; as `require()` it works everywhere.
      options.supported = { 'dynamic-import': false }
      // What `createRequire` takes as well, and CommonJS has.
      options.define = { ...options.define, 'import.meta.url': '__filename' }
    },
  },
]

/** What is bundled is distributed with the package, and its licences ask for their notice. */
async function writeLicences(): Promise<void> {
  const notices = await Promise.all(
    BUNDLED.map(async (name) => {
      const licence = await readFile(`node_modules/${name}/license`, 'utf8')
      return `This package contains ${name}:\n\n${licence}`
    }),
  )
  await writeFile('dist/THIRD-PARTY-LICENSES.txt', notices.join('\n---\n\n'))
}

export default config
