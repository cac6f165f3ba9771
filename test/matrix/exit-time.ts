import type { Check } from './check.js'
import { outputOf } from './child-process.js'
import { withInstance } from './controlled-instance.js'
import { NODE } from './platform.js'
import type { Workbench } from './workbench.js'

const LINES = ['20', '22', '24', '26']
const PAIRS = 15
const LIMIT_MS = 20

/** How much longer a process lives after its last call than an empty one. */
export function exitTimeChecks(workbench: Workbench): Check[] {
  let previous: Promise<unknown> = Promise.resolve()
  // One after the other, so that they do not slow each other.
  const inTurn = (line: string): Promise<string> => {
    const proof = previous.then(() => prove(workbench, line))
    previous = proof.catch(() => {})
    return proof
  }
  return LINES.map((line) => ({ section: 'exit', subject: `Node ${line}`, prove: () => inTurn(line) }))
}

async function prove(workbench: Workbench, line: string): Promise<string> {
  const executable = await workbench.executable(NODE, line)
  const cwd = await workbench.project('exit', [])
  return withInstance(async ({ endpoint }) => {
    const endMs = async (args: readonly string[]): Promise<number> => {
      const lastLineAt = Number(await outputOf({ executable, args: ['last-line.mjs', ...args], cwd }))
      return performance.timeOrigin + performance.now() - lastLineAt
    }
    const afterCall: number[] = []
    const empty: number[] = []
    for (let pair = 0; pair < PAIRS; pair += 1) {
      empty.push(await endMs([]))
      afterCall.push(await endMs([endpoint]))
    }
    const extraMs = usual(afterCall) - usual(empty)
    const seen = `${extraMs.toFixed(1)} ms longer than the ${usual(empty).toFixed(1)} ms of an empty process`
    if (!(extraMs <= LIMIT_MS)) throw new Error(seen)
    return seen
  })
}

/** The first quartile, because other work on the machine only makes a process slower. */
function usual(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)] ?? NaN
}
