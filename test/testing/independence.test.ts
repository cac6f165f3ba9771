import { readFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'

const FOLDER = new URL('../../src/testing/', import.meta.url)

// Against borrowed names: an emulator that shared the client's spelling of the protocol would share its typos.
test('the emulated instance imports nothing from the library, and nothing that users would have to install', () => {
  const files = readdirSync(FOLDER)
  const imports = files.flatMap((file) => [
    ...readFileSync(new URL(file, FOLDER), 'utf8').matchAll(/(?:from|import\() ?'([^']+)'/g),
  ])
  const foreign = imports
    .map(([, specifier = '']) => specifier)
    .filter((name) => !/^(?:\.\/|node:)/.test(name))
  expect(imports.length).toBeGreaterThan(files.length)
  expect(foreign).toEqual([])
})
