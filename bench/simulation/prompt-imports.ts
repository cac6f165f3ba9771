import type { Settle } from './clock.js'

// Where a loader is asked each time, an import is prompt now and then all the same.
const TRIES = 20

/**
 * Refuses to simulate where an import of what is loaded already takes real time, in which simulated time would pass: the
 * providers import whenever they load. It does so under loaders that Node asks on another thread.
 */
export async function requirePromptImports(settle: Settle): Promise<void> {
  await importAgain()
  for (let tried = 0; tried < TRIES; tried += 1) {
    const isPrompt = await Promise.race([importAgain().then(() => true), settle().then(() => false)])
    if (!isPrompt) throw new Error(REFUSAL)
  }
}

const REFUSAL =
  'The simulation gives no true figures under this loader of modules (such as tsx): here, import() of a module that is loaded ' +
  'already takes real time, in which simulated time would pass. Run it built, as `npm run bench` does, or under vitest.'

function importAgain(): Promise<unknown> {
  return import('@smithy/core/config')
}
