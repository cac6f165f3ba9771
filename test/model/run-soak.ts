import { parseArgs } from 'node:util'
import { checkPromises } from './check-promises.js'
import type { Subject } from './virtual-world.js'

const DEFAULT_MINUTES = 5
const LIVES_PER_SEED = 100
/** Longer lives than in the tests. */
const MAX_COMMANDS = 60

export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
  /** Lives per seed. */
  readonly lives: number
  /** The largest number of events in a life. */
  readonly commands: number
  /** The only life of the seed to replay. */
  readonly life?: number
}

/** @throws {RangeError} that names the flag */
export function parseSoakOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: env['SOAK_MINUTES'] ?? String(DEFAULT_MINUTES) },
      seed: { type: 'string', default: env['SOAK_SEED'] ?? String(Date.now() % 2 ** 31) },
      lives: { type: 'string', default: String(LIVES_PER_SEED) },
      commands: { type: 'string', default: String(MAX_COMMANDS) },
      path: { type: 'string' },
    },
  })
  // The path that fast-check prints has colons. The life is the part before the first one.
  const life = values.path?.split(':')[0]
  return {
    minutes: numberOf('minutes', values.minutes),
    seed: wholeNumberOf('seed', values.seed),
    lives: wholeNumberOf('lives', values.lives),
    commands: wholeNumberOf('commands', values.commands),
    ...(life !== undefined && { life: wholeNumberOf('path', life) }),
  }
}

/** Random lives of `subject`, seed after seed, until time is up or a promise is broken. Gives the exit code. */
export async function runSoak(
  subject: Subject,
  { minutes, seed: firstSeed, lives: livesPerSeed, commands, life }: SoakOptions,
  print: (line: string) => void,
): Promise<number> {
  print(
    life === undefined
      ? `soak: ${minutes} min from seed ${firstSeed}`
      : `soak: life ${life} of seed ${firstSeed}`,
  )
  const endsAt = performance.now() + minutes * 60_000
  let lives = 0
  let seed = firstSeed
  do {
    const replayed = life === undefined ? {} : { life }
    const parameters = { seed, lives: livesPerSeed, maxCommands: commands, ...replayed }
    const found = await checkPromises(subject, parameters)
    lives += found.lives
    if (found.report !== undefined) {
      print(found.report)
      print(`soak: ${lives} lives, a promise broken`)
      return 1
    }
    seed += 1
  } while (life === undefined && performance.now() < endsAt)
  print(`soak: ${lives} lives, ${lives > 0 ? 'every promise kept' : 'so nothing is known'}`)
  return lives > 0 ? 0 : 1
}

function numberOf(name: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new RangeError(`--${name} is not a number`)
  return value
}

function wholeNumberOf(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new RangeError(`--${name} is not a whole number`)
  return Number(text)
}
