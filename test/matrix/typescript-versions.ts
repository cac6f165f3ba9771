import type { Check } from './check.js'
import { installedVersion } from './npm.js'
import { compileApplication } from './type-check.js'
import type { Workbench } from './workbench.js'

const VERSIONS = ['5.4', '5.9', '6', '7']

const RESOLUTIONS = [
  { module: 'Node16', moduleResolution: 'Node16' },
  { module: 'NodeNext', moduleResolution: 'NodeNext' },
  { module: 'Preserve', moduleResolution: 'Bundler' },
]

/** The packed declarations, under each TypeScript and each way to find modules. */
export function typescriptChecks(workbench: Workbench): Check[] {
  return VERSIONS.flatMap((version) =>
    RESOLUTIONS.map((resolution) => ({
      section: 'ts',
      subject: `TypeScript ${version}, ${resolution.moduleResolution}`,
      prove: async () => {
        const packages = [`typescript@${version}`, '@types/node@20']
        const project = await workbench.project(`typescript-${version}`, packages)
        const others = await compileApplication(project, 'application.mts', resolution)
        const aside = others === 0 ? '' : `, ${others} errors in other packages' declarations`
        return `${await installedVersion(project, 'typescript')}${aside}`
      },
    })),
  )
}
