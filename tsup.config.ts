import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type { Options } from 'tsup'
import ts from 'typescript'

const library = { index: 'src/index.ts', 'testing/index': 'src/testing/index.ts' }

/**
 * p-retry and what it depends on are ESM-only, so that Jest's CommonJS cannot require them; and to find two more packages
 * takes Node as long as to import all the rest.
 */
const BUNDLED = ['p-retry', 'is-network-error']

/** Node prints the line that throws, however long it is. */
const LINE_LENGTH = 100

const common: Options = {
  target: 'node20',
  platform: 'node',
  sourcemap: false,
  splitting: true,
  noExternal: BUNDLED,
  // Half the size to install, and a quarter less time to import. Not with `keepNames`, which defines a name for each function when it
  // is made, and takes longer than what is saved.
  minify: true,
  plugins: [{ name: 'break-lines', renderChunk: (code) => ({ code: breakLines(code) }) }],
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

/** The commands import these as they are published, and have no copy of them. */
const PUBLISHED = new Map([
  ['../testing/index.js', '../testing/index.js'],
  ['../provider/from-instance-role.js', '../index.js'],
])

const publicModules: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'public-modules',
  setup: (build) =>
    build.onResolve({ filter: /^\.\.\// }, ({ path, importer }) => {
      const published = /[\\/]src[\\/]cli[\\/]/.test(importer) ? PUBLISHED.get(path) : undefined
      return published === undefined ? undefined : { path: published, external: true }
    }),
}

const config: Options[] = [
  { ...dropIn, dts: { compilerOptions: { noEmit: false } } },
  {
    // By itself, so that the types are worked out once for both formats.
    entry: library,
    format: 'cjs',
    dts: { only: true, entry: library, compilerOptions: { noEmit: false } },
  },
  {
    ...common,
    entry: { index: library.index },
    format: 'esm',
    splitting: false,
    onSuccess: shareDeclarations,
  },
  {
    // By itself: what it shared with the library would be files of their own, each of which takes time to import.
    ...common,
    entry: { main: 'src/cli/main.ts' },
    outDir: 'dist/cli',
    format: 'esm',
    esbuildPlugins: [publicModules],
  },
  {
    ...common,
    entry: library,
    format: 'cjs',
    // With splitting, tsup makes each `require()` one that bundlers cannot follow.
    splitting: false,
    onSuccess: async () => {
      await Promise.all([writeLicences(), shareEmulator()])
    },
    esbuildOptions(options) {
      // `import()` fails under Jest without --experimental-vm-modules; as `require()` it works everywhere.
      options.supported = { 'dynamic-import': false }
      // What `createRequire` takes as well, and CommonJS has.
      options.define = { ...options.define, 'import.meta.url': '__filename' }
    },
  },
]

/**
 * Breaks long lines before statements and before members of classes and objects. Not by esbuild: its `lineLimit` breaks strings too,
 * which rollup then indents.
 */
function breakLines(code: string): string {
  const file = ts.createSourceFile('chunk.js', code, ts.ScriptTarget.ES2022)
  let [broken, doneTo, lineFrom] = ['', 0, 0]
  const visit = (node: ts.Node): void => {
    const start = node.getStart(file)
    const isMember = ts.isClassElement(node) || ts.isPropertyAssignment(node)
    const isBreakable = isMember || (ts.isStatement(node) && !ts.isBlock(node))
    if (isBreakable && start - lineFrom > LINE_LENGTH) {
      broken += `${code.slice(doneTo, start)}\n`
      doneTo = lineFrom = start
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return broken + code.slice(doneTo)
}

/** The types of both formats are the same: those of ES modules name those of CommonJS. */
async function shareDeclarations(): Promise<void> {
  for (const name of Object.keys(library)) {
    const file = `${name.split('/').at(-1) ?? name}.cjs`
    await mkdir(dirname(`dist/${name}`), { recursive: true })
    await writeFile(`dist/${name}.d.ts`, `export * from './${file}'\n`)
  }
}

/**
 * The emulated instance is published once, for the sake of its size. The library itself is not: as an ES module it is imported in a
 * quarter of the time that Node takes to import CommonJS.
 */
async function shareEmulator(): Promise<void> {
  const emulator: unknown = createRequire(import.meta.url)('./dist/testing/index.cjs')
  if (typeof emulator !== 'object' || emulator === null) throw new Error('There is no emulated instance')
  await writeFile(
    'dist/testing/index.js',
    `export { ${Object.keys(emulator).join(', ')} } from './index.cjs'\n`,
  )
}

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
