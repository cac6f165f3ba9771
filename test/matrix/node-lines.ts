import type { Check } from './check.js'
import { outputOf } from './child-process.js'
import { parseSeen, requireSeen } from './expectation.js'
import { installedVersion } from './npm.js'
import { NODE } from './platform.js'
import { smoke } from './runtime-smoke.js'
import type { Workbench } from './workbench.js'

/** The lines of Node that are supported, and the msw lines that run on each. */
export const LINES: readonly { readonly line: number; readonly msw: readonly number[] }[] = [
  { line: 20, msw: [2] },
  { line: 22, msw: [2, 3] },
  { line: 24, msw: [2, 3] },
  { line: 26, msw: [2, 3] },
]

/** The packed package on each line of Node: over real sockets where no msw is, and under msw. */
export function nodeLineChecks(workbench: Workbench): Check[] {
  return LINES.flatMap(({ line, msw }) => [
    { section: 'node', subject: `Node ${line}`, prove: () => proveLine(workbench, line) },
    ...msw.map((version) => ({
      section: 'node',
      subject: `Node ${line}, msw ${version}`,
      prove: () => proveMocked(workbench, line, version),
    })),
  ])
}

async function proveLine(workbench: Workbench, line: number): Promise<string> {
  const executable = await workbench.executable(NODE, String(line))
  const project = await workbench.project('application', ['@aws-sdk/client-s3'])
  await smoke({ executable, args: [] }, project)
  const version = await proveScript(executable, 'smoke.cjs', project, { loads: true, refreshes: true })
  requireLine(version, line)
  return `${version}, ESM and CJS`
}

async function proveMocked(workbench: Workbench, line: number, msw: number): Promise<string> {
  const executable = await workbench.executable(NODE, String(line))
  const project = await workbench.project(`msw-${msw}`, [`msw@${msw}`])
  const expected = { loads: true, keeps: true, lastErrorCode: 'SERVER_ERROR' }
  for (const script of ['mocked.mjs', 'mocked.cjs'])
    requireLine(await proveScript(executable, script, project, expected), line)
  return `ESM and CJS, msw ${await installedVersion(project, 'msw')}`
}

/** Gives the version of Node that ran the script. */
async function proveScript(
  executable: string,
  script: string,
  cwd: string,
  expected: Readonly<Record<string, unknown>>,
): Promise<string> {
  const seen = parseSeen(await outputOf({ executable, args: [script], cwd }))
  requireSeen(seen, expected)
  return String(seen['version'])
}

/** @throws if another line ran than was asked for */
export function requireLine(version: string, line: number): void {
  if (!version.startsWith(`v${line}.`)) throw new Error(`asked for Node ${line}, ran on ${version}`)
}
