/** The package whose `fromInstanceMetadata` ends the default chain of the AWS SDK. */
export const OFFICIAL_PACKAGE = '@smithy/credential-provider-imds'

/** The package that stands in for it. */
export const DROP_IN_PACKAGE = 'instance-role-imds'

/** One package that the AWS SDK finds under the name of {@link OFFICIAL_PACKAGE}. */
export interface ImdsPackage {
  /** Its own name, which is that of the drop-in where an override works. */
  readonly name: string
  readonly version: string
  /** Its folder. */
  readonly path: string
}

export type PackageManager = 'npm' | 'pnpm' | 'yarn'

/** What the AWS SDK clients of a program use at the end of their default chain. */
export interface DefaultChain {
  /** Every copy, each once. */
  readonly packages: readonly ImdsPackage[]
  /** The file that says that the drop-in is to be used; `undefined` where none does. */
  readonly overriddenIn: string | undefined
  /** By its lock file; npm where there is none. */
  readonly packageManager: PackageManager
  /** The folder of the lock file, if commands have to be run there instead of in the folder that was examined. */
  readonly root: string | undefined
  /** Whether Yarn's Plug'n'Play hides the packages from a process that was not started by Yarn. */
  readonly isHidden: boolean
}
