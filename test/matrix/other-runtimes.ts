import type { Check } from './check.js'
import { BUN, DENO } from './platform.js'
import { smoke } from './runtime-smoke.js'
import type { Workbench } from './workbench.js'

const RUNTIMES = [
  { name: 'Bun', packaged: BUN, args: [] },
  { name: 'Deno', packaged: DENO, args: ['run', '--allow-all', '--node-modules-dir=manual'] },
]

/** The packed package on other runtimes than Node. */
export function otherRuntimeChecks(workbench: Workbench): Check[] {
  return RUNTIMES.map(({ name, packaged, args }) => ({
    section: 'runtimes',
    subject: name,
    prove: async () => {
      const executable = await workbench.executable(packaged, 'latest')
      const project = await workbench.project('application', ['@aws-sdk/client-s3'])
      return smoke({ executable, args }, project)
    },
  }))
}
