// Random lives for as many minutes as wanted: `npm run soak -- --minutes 10`. A life that breaks a promise is printed with what
// plays it again: `npm run soak -- --seed <seed> --path <path>`.
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { createProvider } from '../../src/from-instance-role.js'
import { createRegistry } from '../../src/shared-sources.js'
import { checkPromises } from './check-promises.js'

const DEFAULT_MINUTES = 5
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
const seed = numberOf('seed', values.seed)
process.stdout.write(`soak: ${minutes} min, seed ${seed}\n`)

const startedAt = performance.now()
const details = await checkPromises(
  { createProvider, createRegistry },
  {
    seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    maxCommands: MAX_COMMANDS,
    interruptAfterTimeLimit: minutes * 60_000,
    ...(values.path !== undefined && { path: values.path }),
  },
)
const seconds = Math.round((performance.now() - startedAt) / 1_000)
process.stdout.write(`soak: ${details.numRuns} lives in ${seconds} s\n`)
if (details.failed && details.counterexample !== null) {
  const playAgain = `npm run soak -- --seed ${seed} --path ${details.counterexamplePath ?? ''}`
  const report = fc.defaultReportMessage(details) ?? ''
  process.stdout.write(`${report}\n${String(details.errorInstance)}\nPlay it again: ${playAgain}\n`)
  process.exitCode = 1
} else {
  process.stdout.write('soak: every promise was kept\n')
}

function numberOf(name: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new RangeError(`--${name} is not a number`)
  return value
}
