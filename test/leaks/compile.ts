import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Compiles a program to JavaScript and returns its path: a TypeScript loader takes time and memory. */
export async function compile(program: URL): Promise<string> {
  const source = fileURLToPath(program)
  const outfile = fileURLToPath(new URL(`.out/${basename(source, '.ts')}.mjs`, import.meta.url))
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  })
  return outfile
}
