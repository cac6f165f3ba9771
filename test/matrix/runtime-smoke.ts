import type { Check } from './check.js'
import { outputOf } from './child-process.js'
import { configFileIn } from './config-file.js'
import { withInstance } from './controlled-instance.js'
import { parseSeen, requireSeen } from './expectation.js'

/** How a runtime runs a script: its executable, and what stands before the script's name. */
export interface RuntimeCommand {
  readonly executable: string
  readonly args: readonly string[]
}

/** What Node does, and every other runtime. */
const EXPECTED = {
  loads: true,
  refreshes: true,
  servesAClient: true,
  survivesAnOutage: 'SERVER_ERROR',
  pastAProxy: 'none',
  pastAnExcludedProxy: 'none',
  unanswered: 'HOP_LIMIT',
  unreachable: 'UNREACHABLE',
  proxied: 0,
}

/** Runs the packed package's smoke test, an ES module over real sockets, in `project`; gives what it saw. */
export async function smoke(
  { executable, args }: RuntimeCommand,
  project: string,
): ReturnType<Check['prove']> {
  const file = await configFileIn(project)
  return withInstance(async ({ endpoint, control, unconnectable, proxied }) => {
    const run = (script: string, given: readonly string[], env: Readonly<Record<string, string>> = {}) =>
      outputOf({ executable, args: [...args, script, ...given], cwd: project, env: { ...file, ...env } })
    const proxy = { HTTP_PROXY: control, http_proxy: control }
    const excluded = { ...proxy, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' }
    const seen = {
      pastAProxy: await run('ask-once.mjs', [endpoint], proxy),
      pastAnExcludedProxy: await run('ask-once.mjs', [endpoint], excluded),
      proxied: proxied(),
      ...parseSeen(await run('smoke.mjs', [endpoint, control, unconnectable])),
    }
    requireSeen(seen, EXPECTED)
    return 'as on Node'
  })
}
