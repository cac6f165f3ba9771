import fc from 'fast-check'
import { begin, end, happen, type Happening, happening, leave, type Life, worldOptions } from './commands.js'
import { type Backoff, BrokenPromise } from './observer.js'
import type { Subject, WorldOptions } from './virtual-world.js'

/** One event as a command of fast-check. It compares with what the observer saw. */
class HappeningCommand implements fc.AsyncCommand<object, Life> {
  readonly #happening: Happening

  constructor(it: Happening) {
    this.#happening = it
  }

  check(): boolean {
    return true
  }

  run(_model: object, life: Life): Promise<void> {
    return happen(life, this.#happening)
  }

  toString(): string {
    return JSON.stringify(this.#happening)
  }
}

class EndCommand implements fc.AsyncCommand<object, Life> {
  check(): boolean {
    return true
  }

  run(_model: object, life: Life): Promise<void> {
    return end(life)
  }

  toString(): string {
    return 'end'
  }
}

export interface CheckOptions {
  readonly seed: number
  /** How many lives. */
  readonly lives: number
  /** The largest number of events in a life. */
  readonly maxCommands?: number
  /** The only life of the seed to replay. */
  readonly life?: number
  /**
   * Whether the shortest life that breaks the promise is looked for.
   *
   * @default true
   */
  readonly shrinks?: boolean
}

/** The result of the lives. */
export interface Findings {
  readonly lives: number
  /** The promise that was broken, and how. */
  readonly broken?: string
  /** For a person: the life that broke it, and the command that replays it. */
  readonly report?: string
}

const MAX_COMMANDS = 14
/** By chance, random numbers miss a quarter of their range once in 10⁹ times. */
const BACKOFFS_TO_JUDGE = 80

/** Runs `subject` through random lives, and checks every promise after every event. */
export async function checkPromises(subject: Subject, options: CheckOptions): Promise<Findings> {
  const { seed, life, lives, maxCommands = MAX_COMMANDS, shrinks = true } = options
  const happenings = fc.commands([happening.map((it) => new HappeningCommand(it))], {
    maxCommands,
    size: 'max',
  })
  const backoffs: Backoff[] = []
  const property = fc.asyncProperty(worldOptions, happenings, (world, commands) =>
    live(subject, world, commands, backoffs),
  )
  const replayed = life === undefined ? {} : { path: String(life), numRuns: 1 }
  const details = await withoutStackTraces(() =>
    fc.check(property, { seed, numRuns: lives, endOnFailure: !shrinks, ...replayed }),
  )
  if (!details.failed) return { lives: details.numRuns, ...together(backoffs, options) }
  const broken = String(details.errorInstance)
  // The rest of the path leads through the shrinking of commands, where fast-check cannot follow it by itself.
  const [first = ''] = (details.counterexamplePath ?? '').split(':')
  const playAgain = `npm run soak -- --commands ${maxCommands} --seed ${seed} --path ${first}`
  const report = [fc.defaultReportMessage(details), broken, `Play it again: ${playAgain}`].join('\n')
  return { lives: details.numRuns, broken, report }
}

/** There are many errors, and their stack traces, which are not used, take an eighth of the time. */
async function withoutStackTraces<T>(work: () => Promise<T>): Promise<T> {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return await work()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** Checks across lives: whether processes that fail at the same instant come back at different ones. */
function together(
  backoffs: readonly Backoff[],
  { seed, lives, maxCommands = MAX_COMMANDS }: CheckOptions,
): Partial<Findings> {
  const first = backoffs.filter(({ failures }) => failures === 1)
  const later = backoffs.filter(({ failures }) => failures > 1)
  if (isSpread(first) && isSpread(later)) return {}
  const broken = String(
    new BrokenPromise('promise 5: the tries after failures come together, not at all times'),
  )
  const playAgain = `npm run soak -- --commands ${maxCommands} --seed ${seed} --lives ${lives} --minutes 0`
  return { broken, report: `${broken}\nPlay it again: ${playAgain}` }
}

/** Whether each quarter of the range has a value. Too few values are not judged. */
function isSpread(backoffs: readonly Backoff[]): boolean {
  const quarters = new Set(backoffs.map(({ share }) => Math.floor(4 * Math.min(0.99, Math.max(0, share)))))
  return quarters.size === 4 || backoffs.length < BACKOFFS_TO_JUDGE
}

async function live(
  subject: Subject,
  options: WorldOptions,
  happenings: Iterable<fc.AsyncCommand<object, Life>>,
  backoffs: Backoff[],
): Promise<void> {
  const life = begin(subject, options)
  try {
    await fc.asyncModelRun(() => ({ model: {}, real: life }), happenings)
    await fc.asyncModelRun(() => ({ model: {}, real: life }), [new EndCommand()])
    backoffs.push(...life.observer.backoffs)
  } finally {
    await leave(life)
  }
}
