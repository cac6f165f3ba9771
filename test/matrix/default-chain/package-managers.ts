import type { Check } from '../check.js'
import { NODE } from '../platform.js'
import type { Workbench } from '../workbench.js'
import { type Installed, NEWEST } from './installed.js'
import { PACKAGE_MANAGERS, type PackageManager } from './package-manager.js'
import { requireOfficial, requireOneLoad, useDefaultChain } from './programs.js'

/** The newest, one of a year ago, and the oldest that is supported. */
const SDKS = [NEWEST, '3.940.0', '3.775.0']
const NODE_LINES = [20, 22, 24, 26]

/** Every package manager with every SDK, put in and taken out as the page says. */
export function packageManagerChecks(installed: Installed): Check[] {
  return SDKS.flatMap((sdk) =>
    PACKAGE_MANAGERS.map((packageManager) => ({
      section: 'default-chain',
      subject: `${packageManager.name}, SDK ${sdk}`,
      prove: () => proveManaged(installed, packageManager, sdk),
    })),
  )
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
  await project.follow('Put it in')
  requireOneLoad(await useDefaultChain(project, packageManager.run))
  await project.follow('Undo')
  const official = await useDefaultChain(project, packageManager.run)
  requireOfficial(official)
  return `ESM and CJS: 3 requests for all; undone: ${official.join(' and ')}`
}
