// `npm run matrix [section… | 'section: surrounding'…]`: the packed package in every surrounding that docs/support.md names.
import { availableParallelism } from 'node:os'
import { bundlerChecks } from './bundlers.js'
import { type Check, type Result, runChecks } from './check.js'
import { manyProcessesChecks } from './many-processes.js'
import { defaultChainChecks } from './default-chain/checks.js'
import { nextChecks } from './next-versions.js'
import { exitTimeChecks } from './exit-time.js'
import { instrumentationChecks } from './instrumentation.js'
import { mockChecks } from './mocks.js'
import { nodeLineChecks } from './node-lines.js'
import { otherRuntimeChecks } from './other-runtimes.js'
import { summary, table } from './report.js'
import { sdkChecks } from './sdk-versions.js'
import { suiteChecks } from './suite.js'
import { typescriptChecks } from './typescript-versions.js'
import { openWorkbench } from './workbench.js'

const AT_ONCE = Math.min(4, Math.max(2, availableParallelism()))

const SECTIONS = [
  nodeLineChecks,
  otherRuntimeChecks,
  sdkChecks,
  typescriptChecks,
  bundlerChecks,
  mockChecks,
  instrumentationChecks,
  exitTimeChecks,
  nextChecks,
  suiteChecks,
  manyProcessesChecks,
  defaultChainChecks,
]

async function main(wanted: readonly string[]): Promise<number> {
  const workbench = await openWorkbench()
  try {
    const checks = select(
      SECTIONS.flatMap((list) => list(workbench)),
      wanted,
    )
    const results = await runChecks(checks, AT_ONCE, tell)
    console.log(`\n${table(results)}\n\n${summary(results)}`)
    return results.some(({ word }) => word === 'FAILED') ? 1 : 0
  } finally {
    await workbench.remove()
  }
}

function select(all: readonly Check[], wanted: readonly string[]): Check[] {
  const sections = [...new Set(all.map(({ section }) => section))]
  const names = [...sections, ...all.map(titleOf)]
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new Error(`There is no section ${unknown}; there are ${sections.join(', ')}.`)
  const isWanted = (check: Check): boolean =>
    wanted.includes(check.section) || wanted.includes(titleOf(check))
  return all.filter((check) => wanted.length === 0 || isWanted(check))
}

/** Such as `suite: Node 24`. */
function titleOf({ section, subject }: Check): string {
  return `${section}: ${subject}`
}

/** As it comes, for those who wait. */
function tell({ check, word, detail, tookMs }: Result): void {
  console.log(`${word} ${titleOf(check)} (${(tookMs / 1_000).toFixed(1)} s)`)
  if (word === 'FAILED') console.log(detail)
}

process.exitCode = await main(process.argv.slice(2))
