import type { Check } from '../check.js'
import type { Workbench } from '../workbench.js'
import { bundledChecks } from './bundled.js'
import { installations } from './installed.js'
import { lockFileChecks } from './lock-file.js'
import { outageChecks } from './outage.js'
import { nodeChecks, packageManagerChecks } from './package-managers.js'
import { surroundingChecks } from './surroundings.js'

/** `instance-role-imds` in place of AWS's own package, in programs that know nothing of it. */
export function defaultChainChecks(workbench: Workbench): Check[] {
  const installed = installations(workbench)
  return [
    ...packageManagerChecks(installed),
    ...lockFileChecks(installed),
    ...nodeChecks(workbench, installed),
    ...surroundingChecks(installed),
    ...bundledChecks(workbench, installed),
    ...outageChecks(installed),
  ]
}
