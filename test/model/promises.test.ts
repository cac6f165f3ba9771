import { expect, test } from 'vitest'
import { createProvider } from '../../src/provider/from-instance-role.js'
import { createRegistry } from '../../src/credentials/shared-sources.js'
import { checkPromises } from './check-promises.js'

const LIVES = 300

test('keeps the promises after every step of any life', { timeout: 300_000 }, async () => {
  const seed = Date.now() % 2 ** 31
  // Shorter lives than the soak's: there are many of them. Where a promise is broken, its report shows: the shrunk life, and what plays it again.
  expect(
    await checkPromises({ createProvider, createRegistry }, { seed, lives: LIVES, maxCommands: 11 }),
  ).toEqual({
    lives: LIVES,
  })
})
