// A failure must be replayable. fast-check itself replays commands only if it gets the path of their shrinking.
import { expect, test } from 'vitest'
import { createProvider } from '../../src/provider/from-instance-role.js'
import { createRegistry } from '../../src/credentials/shared-sources.js'
import { parseSoakOptions, runSoak } from './run-soak.js'
import type { Subject } from './virtual-world.js'

const SOUND: Subject = { createProvider, createRegistry }

const MANY = 10

/** Some lives succeed: those with few waiting callers. */
const LEAKING: Subject = {
  ...SOUND,
  through: (runtime) => {
    let waits = 0
    return {
      ...runtime,
      keepAlive: () => {
        const release = runtime.keepAlive()
        waits += 1
        return waits > MANY ? () => {} : release
      },
    }
  },
}

/** Each life succeeds by itself, but all come back at the same time after a failure. */
const WITHOUT_RANDOMNESS: Subject = { ...SOUND, through: (runtime) => ({ ...runtime, random: () => 0.5 }) }

async function soak(subject: Subject, ...args: string[]): Promise<{ exitCode: number; printed: string }> {
  const lines: string[] = []
  const exitCode = await runSoak(subject, parseSoakOptions(args, {}), (line) => void lines.push(line))
  return { exitCode, printed: lines.join('\n') }
}

/** The printed command, split into arguments as a shell does. */
function playAgain(printed: string): string[] {
  const [, args = ''] = /^Play it again: npm run soak -- (.*)$/m.exec(printed) ?? []
  return args.split(' ')
}

test('replays a life that broke a promise from the printed line, and shrinks it again', async () => {
  const first = await soak(LEAKING, '--seed', '5', '--minutes', '0', '--commands', '14')
  expect(first.exitCode).toBe(1)
  const [broken = 'none'] = /BrokenPromise: promise 10: .*/.exec(first.printed) ?? []
  expect(first.printed).not.toMatch(/ --path 0$/m)
  const again = await soak(LEAKING, ...playAgain(first.printed))
  expect(again.exitCode).toBe(1)
  expect(again.printed).toContain(broken)
  expect(again.printed).toMatch(/^soak: 1 lives, a promise broken$/m)
  expect(playAgain(again.printed)).toEqual(playAgain(first.printed))
  const { exitCode, printed } = await soak(SOUND, ...playAgain(first.printed))
  expect(exitCode).toBe(0)
  expect(printed).toMatch(/^soak: 1 lives, every promise kept$/m)
})

test('replays lives that break a promise only together', async () => {
  const first = await soak(WITHOUT_RANDOMNESS, '--seed', '5', '--minutes', '0', '--commands', '1')
  expect(first.printed).toMatch(/^BrokenPromise: promise 5: /m)
  const again = await soak(WITHOUT_RANDOMNESS, ...playAgain(first.printed))
  expect(again).toEqual({ exitCode: 1, printed: first.printed })
})

test('accepts the longer path that fast-check prints', () => {
  expect(parseSoakOptions(['--seed', '5', '--path', '6:0:0:3'], {})).toMatchObject({ seed: 5, life: 6 })
})

test('does not report success if no life was run', async () => {
  const { exitCode, printed } = await soak(SOUND, '--seed', '5', '--minutes', '0', '--lives', '0')
  expect(exitCode).toBe(1)
  expect(printed).not.toContain('kept')
})

test.each(['--minutes', '--seed', '--lives', '--commands', '--path'])(
  'refuses a %s that is not a number',
  (flag) => {
    expect(() => parseSoakOptions([flag, 'x'], {})).toThrow(RangeError)
  },
)
