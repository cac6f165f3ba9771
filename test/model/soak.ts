// Random lives for as many minutes as wanted: `npm run soak -- --minutes 10`. A life that breaks a promise is printed with what
// plays it again: `npm run soak -- --seed <seed> --path <path>`.
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { createProvider } from '../../src/from-instance-role.js'
import { createRegistry } from '../../src/shared-sources.js'
import { checkPromises } from './check-promises.js'

const DEFAULT_MINUTES = 5
const LIVES_PER_SEED = 100
/** Longer lives than in the tests. */
const MAX_COMMANDS = 60

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: process.env['SOAK_MINUTES'] ?? String(DEFAULT_MINUTES) },
    seed: { type: 'string', default: process.env['SOAK_SEED'] ?? String(Date.now() % 2 ** 31) },
    path: { type: 'string' },
  },
})
const minutes = numberOf('minutes', values.minutes)
const firstSeed = numberOf('seed', values.seed)
process.stdout.write(`soak: ${minutes} min from seed ${firstSeed}\n`)

const endsAt = performance.now() + minutes * 60_000
let lives = 0
let isKept = true
for (let seed = firstSeed; isKept && (seed === firstSeed || performance.now() < endsAt); seed += 1) {
  isKept = await soak(seed)
  if (values.path !== undefined) break
}
process.stdout.write(`soak: ${lives} lives, ${isKept ? 'every promise kept' : 'a promise broken'}\n`)
process.exitCode = isKept ? 0 : 1

/** Whether every promise was kept in all the lives of one seed. */
async function soak(seed: number): Promise<boolean> {
  const replayed = values.path === undefined ? {} : { path: values.path }
  const subject = { createProvider, createRegistry }
  const parameters = { seed, numRuns: LIVES_PER_SEED, maxCommands: MAX_COMMANDS, ...replayed }
  const details = await checkPromises(subject, parameters)
  lives += details.numRuns
  if (!details.failed) return true
  const playAgain = `npm run soak -- --seed ${seed} --path ${details.counterexamplePath ?? ''}`
  const report = [
    fc.defaultReportMessage(details),
    String(details.errorInstance),
    `Play it again: ${playAgain}`,
  ]
  process.stdout.write(`${report.join('\n')}\n`)
  return false
}

function numberOf(name: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new RangeError(`--${name} is not a number`)
  return value
}
