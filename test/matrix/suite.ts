import { readFile } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import type { Check } from './check.js'
import { outputOf } from './child-process.js'
import { LINES, requireLine } from './node-lines.js'
import { NODE } from './platform.js'
import type { Workbench } from './workbench.js'

const ROOT = resolve(import.meta.dirname, '../..')

/** Ten times what it takes on an idle machine. */
const TIME_LIMIT_MS = 20 * 60_000

/** Every test, `npm run test:long` included, on each line of Node; one after the other, because tests of time need the machine. */
export function suiteChecks(workbench: Workbench): Check[] {
  return LINES.map(({ line }) => ({
    section: 'suite',
    subject: `Node ${line}`,
    runsAlone: true,
    prove: () => prove(workbench, line),
  }))
}

interface Report {
  readonly numPassedTests: number
  readonly numPendingTests: number
}

async function prove(workbench: Workbench, line: number): Promise<string> {
  const executable = await workbench.executable(NODE, String(line))
  const report = join(await workbench.folder(`suite-${line}`), 'report.json')
  // Scripts that tests start by name, such as npm, run on the same Node.
  const PATH = [dirname(executable), process.env['PATH']].join(delimiter)
  const inherited = process.env['NODE_OPTIONS']
  const env = { PATH, ...(inherited === undefined ? {} : { NODE_OPTIONS: inherited }) }
  const run = (args: readonly string[]): Promise<string> =>
    outputOf({ executable, args, cwd: ROOT, env, timeLimitMs: TIME_LIMIT_MS })
  const version = await run(['--version'])
  requireLine(version, line)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  await run([join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters])
  const { numPassedTests, numPendingTests } = JSON.parse(await readFile(report, 'utf8')) as Report
  if (numPassedTests === 0) throw new Error('no test ran')
  return `${version}, ${numPassedTests} tests passed, ${numPendingTests} skipped`
}
