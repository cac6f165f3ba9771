import { expect, test } from 'vitest'
import { createProvider } from '../../src/provider/from-instance-role.js'
import { createRegistry } from '../../src/credentials/shared-sources.js'
import { checkPromises } from './check-promises.js'

const LIVES = 300

test('keeps the promises after every step of any life', { timeout: 300_000 }, async () => {
  const seed = Date.now() % 2 ** 31
  // Shorter lives than the soak's, because there are many. If a promise is broken, the report shows the shrunk life and the command
  // that replays it.
  expect(
    await checkPromises({ createProvider, createRegistry }, { seed, lives: LIVES, maxCommands: 11 }),
  ).toEqual({
    lives: LIVES,
  })
})
