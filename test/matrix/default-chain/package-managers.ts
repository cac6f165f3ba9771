import type { Check } from '../check.js'
import { NODE } from '../platform.js'
import type { Workbench } from '../workbench.js'
import { diagnose, requireFinding } from './diagnosis.js'
import { type Installed, NEWEST } from './installed.js'
import { NPM_LINES, PACKAGE_MANAGERS, type PackageManager, type UserProject } from './package-manager.js'
import { requireOfficial, requireOneLoad, useDefaultChain } from './programs.js'

/** The newest, one of a year ago, and the oldest that is supported. */
const SDKS = [NEWEST, '3.940.0', '3.775.0']
const NODE_LINES = [20, 22, 24, 26]

/** Every package manager with every SDK, and every line of npm, put in and taken out as the page says. */
export function packageManagerChecks(installed: Installed): Check[] {
  const pairs = SDKS.flatMap((sdk) => PACKAGE_MANAGERS.map((packageManager) => ({ packageManager, sdk })))
  const lines = NPM_LINES.map((packageManager) => ({ packageManager, sdk: NEWEST }))
  return [...pairs, ...lines].map(({ packageManager, sdk }) => ({
    section: 'default-chain',
    subject: `${packageManager.name}, SDK ${sdk}`,
    prove: () => proveManaged(installed, packageManager, sdk),
  }))
}

/** Every line of Node. */
export function nodeChecks(workbench: Workbench, { overridden }: Installed): Check[] {
  return NODE_LINES.map((line) => ({
    section: 'default-chain',
    subject: `Node ${line}`,
    prove: async () => {
      const executable = await workbench.executable(NODE, String(line))
      const project = await overridden()
      requireOneLoad(await useDefaultChain(project, executable))
      return `${await project.shell(`${executable} --version`)}, ESM and CJS: 3 requests for all`
    },
  }))
}

async function proveManaged(
  installed: Installed,
  packageManager: PackageManager,
  sdk: string,
): Promise<string> {
  const project = await installed.project(sdk, packageManager, sdk)
  await requireDiagnosis(project, packageManager, '@smithy/credential-provider-imds')
  await project.follow('Put it in')
  await requireDiagnosis(project, packageManager, 'instance-role-imds')
  requireOneLoad(await useDefaultChain(project, packageManager.run))
  await project.follow('Undo')
  await requireDiagnosis(project, packageManager, '@smithy/credential-provider-imds')
  const official = await useDefaultChain(project, packageManager.run)
  requireOfficial(official)
  return `ESM and CJS: 3 requests for all; undone: ${official.map(({ requests }) => requests).join(' and ')}`
}

/** @throws if the doctor does not find the implementation that is there */
async function requireDiagnosis(
  project: UserProject,
  packageManager: PackageManager,
  implementation: string,
): Promise<void> {
  requireFinding(await diagnose(project, packageManager), { verdict: 'ok', implementation })
}
