import type { Settle } from './clock.js'

// Even with a loader that Node asks each time, a single import can be fast by chance.
const TRIES = 20

/**
 * Throws if importing an already loaded module takes real time, because simulated time would pass meanwhile: the providers import
 * at each load. This happens with loaders that Node asks on another thread.
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
