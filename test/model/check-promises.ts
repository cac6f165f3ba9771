import fc from 'fast-check'
import { begin, end, happen, type Happening, happening, leave, type Life, worldOptions } from './commands.js'
import type { Subject, WorldOptions } from './virtual-world.js'

/** One happening as a command of fast-check; what there is to compare with is what the observer saw. */
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
  /** The most that happens in one of them. */
  readonly maxCommands?: number
  /** Which life of the seed to play again, and no other. */
  readonly life?: number
  /**
   * Whether the shortest life that breaks the promise is looked for.
   *
   * @default true
   */
  readonly shrinks?: boolean
}

/** What came of the lives. */
export interface Findings {
  readonly lives: number
  /** The promise that was broken, and how. */
  readonly broken?: string
  /** For a person: the life that broke it, and what plays it again. */
  readonly report?: string
}

const MAX_COMMANDS = 14

/** Leads `subject` through random lives, and checks every promise after every happening. */
export async function checkPromises(subject: Subject, options: CheckOptions): Promise<Findings> {
  const { seed, life, lives, maxCommands = MAX_COMMANDS, shrinks = true } = options
  const happenings = fc.commands([happening.map((it) => new HappeningCommand(it))], {
    maxCommands,
    size: 'max',
  })
  const property = fc.asyncProperty(worldOptions, happenings, (world, commands) =>
    live(subject, world, commands),
  )
  const replayed = life === undefined ? {} : { path: String(life), numRuns: 1 }
  const details = await fc.check(property, { seed, numRuns: lives, endOnFailure: !shrinks, ...replayed })
  if (!details.failed) return { lives: details.numRuns }
  const broken = String(details.errorInstance)
  // The rest of the path leads through the shrinking of commands, where fast-check cannot follow it by itself.
  const [first = ''] = (details.counterexamplePath ?? '').split(':')
  const playAgain = `npm run soak -- --commands ${maxCommands} --seed ${seed} --path ${first}`
  const report = [fc.defaultReportMessage(details), broken, `Play it again: ${playAgain}`].join('\n')
  return { lives: details.numRuns, broken, report }
}

async function live(
  subject: Subject,
  options: WorldOptions,
  happenings: Iterable<fc.AsyncCommand<object, Life>>,
): Promise<void> {
  const life = begin(subject, options)
  try {
    await fc.asyncModelRun(() => ({ model: {}, real: life }), happenings)
    await fc.asyncModelRun(() => ({ model: {}, real: life }), [new EndCommand()])
  } finally {
    await leave(life)
  }
}
