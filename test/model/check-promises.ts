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

export interface CheckOptions extends fc.Parameters<[WorldOptions, Iterable<fc.AsyncCommand<object, Life>>]> {
  readonly maxCommands?: number
  /** Tells how to play a counterexample again. */
  readonly replayPath?: string
}

/** Leads `subject` through random lives, and checks every promise after every happening. */
export function checkPromises(
  subject: Subject,
  { maxCommands = 14, replayPath, ...parameters }: CheckOptions,
): Promise<fc.RunDetails<[WorldOptions, Iterable<fc.AsyncCommand<object, Life>>]>> {
  const commands = fc.commands([happening.map((it) => new HappeningCommand(it))], {
    maxCommands,
    size: 'max',
    ...(replayPath !== undefined && { replayPath }),
  })
  const property = fc.asyncProperty(worldOptions, commands, async (options, happenings) => {
    const life = begin(subject, options)
    try {
      await fc.asyncModelRun(() => ({ model: {}, real: life }), happenings)
      await fc.asyncModelRun(() => ({ model: {}, real: life }), [new EndCommand()])
    } finally {
      await leave(life)
    }
  })
  return Promise.resolve(fc.check(property, parameters))
}
