import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

function read(path: string): string {
  return readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8')
}

/** The first line of each public member of a class or an interface. Copies share no constructors. */
const MEMBERS = /^ {2}(?:readonly |async |get )*(?!constructor\b)[a-z]\w*\b(?=[(<:?]| = ).*$/gm

/** The members that copies of the package share, as they are declared. */
function sharedShape(): string {
  const shared: readonly [file: string, declarations: RegExp][] = [
    ['credentials/shared-sources.ts', /interface SourceRegistry [^{]*\{[^}]*\}/g],
    ['imds/imds-access.ts', /interface ImdsRegistry [^{]*\{[^}]*\}/g],
    ['imds/shared-objects.ts', MEMBERS],
    ['credentials/credentials-source.ts', MEMBERS],
    ['imds/metadata-token.ts', MEMBERS],
    ['imds/instance-facts.ts', MEMBERS],
    ['refresh/refresh-schedule.ts', /interface (Expiring|Held)\b[^{]*\{[^}]*\}/g],
    ['credentials/credentials-loader.ts', /interface LoadedRole [^{]*\{[^}]*\}/g],
    ['credentials/role-credentials.ts', /interface RoleCredentials [^{]*\{[^}]*\}/g],
    ['testing/provider-state.ts', /interface ProviderState [^{]*\{.*?\n\}/gs],
    ['testing/provider-state.ts', /interface (Shared|Resettable|ProviderClock) [^{]*\{[^}]*\}/g],
  ]
  const found = shared.map(([file, declarations]) => read(file).match(declarations) ?? [])
  for (const declarations of found) expect(declarations).not.toEqual([])
  const bare = found
    .flat()
    .join('\n')
    .replace(/\/\*\*.*?\*\//gs, '')
  return createHash('sha256').update(bare.replace(/\s+/g, ' ')).digest('hex').slice(0, 12)
}

// Fails if two releases in one process take each other's registry for their own although its shape has changed: raise the number
// in src/runtime/process-wide.ts and src/testing/provider-state.ts, and write the new shape here.
test('changes the number of the contract if the shape of the shared state changes', () => {
  const numbers = ['runtime/process-wide.ts', 'testing/provider-state.ts'].map(
    (path) => /Symbol\.for\('(instance-role@\d+)'\)/.exec(read(path))?.[1],
  )
  expect({ numbers, shape: sharedShape() }).toEqual({
    numbers: ['instance-role@4', 'instance-role@4'],
    shape: '83c80bc3b83d',
  })
})
