import type { Options } from 'tsup'

const library = { index: 'src/index.ts', 'testing/index': 'src/testing/index.ts' }

const common: Options = {
  dts: { entry: library, compilerOptions: { noEmit: false } },
  target: 'node20',
  platform: 'node',
  sourcemap: false,
  splitting: true,
}

const config: Options[] = [
  {
    ...common,
    entry: { ...library, 'cli/main': 'src/cli/main.ts' },
    format: 'esm',
  },
  {
    ...common,
    entry: library,
    format: 'cjs',
    // With splitting, tsup makes each `require()` one that bundlers cannot follow.
    splitting: false,
    // p-retry is ESM-only: Jest's CommonJS cannot require it.
    noExternal: ['p-retry', 'is-network-error'],
    esbuildOptions(options) {
      // `import()` fails under Jest without --experimental-vm-modules; as `require()` it works everywhere.
      options.supported = { 'dynamic-import': false }
      // What `createRequire` takes as well, and CommonJS has.
      options.define = { ...options.define, 'import.meta.url': '__filename' }
    },
  },
]

export default config
