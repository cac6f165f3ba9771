import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

function read(path: string): string {
  return readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8')
}

/** The members that copies of the package share, as they are declared. */
function sharedShape(): string {
  const declarations = [
    [read('credentials/shared-sources.ts'), 'SourceRegistry'],
    [read('imds/imds-access.ts'), 'TokenRegistry'],
    [read('imds/recently-used.ts'), 'RecentlyUsed'],
    [read('imds/instance-facts.ts'), 'FactRegistry'],
    [read('testing/provider-state.ts'), 'ProviderState'],
    [read('testing/provider-state.ts'), 'ProviderClock'],
  ].map(([source = '', name = '']) => new RegExp(`interface ${name} [^{]*\\{[^}]*\\}`).exec(source)?.[0])
  expect(declarations).not.toContain(undefined)
  const bare = declarations.join('\n').replace(/\/\*\*.*?\*\//gs, '')
  return createHash('sha256').update(bare.replace(/\s+/g, ' ')).digest('hex').slice(0, 12)
}

// Fails if two releases in one process take each other's registry for their own although its shape has changed: raise the number
// in src/runtime/process-wide.ts and src/testing/provider-state.ts, and write the new shape here.
test('changes the number of the contract if the shape of the shared state changes', () => {
  const numbers = ['runtime/process-wide.ts', 'testing/provider-state.ts'].map(
    (path) => /Symbol\.for\('(instance-role@\d+)'\)/.exec(read(path))?.[1],
  )
  expect({ numbers, shape: sharedShape() }).toEqual({
    numbers: ['instance-role@3', 'instance-role@3'],
    shape: 'eca3c2a7ea13',
  })
})
