/** The package whose `fromInstanceMetadata` ends the default chain of the AWS SDK. */
export const OFFICIAL_PACKAGE = '@smithy/credential-provider-imds'

/** The package that replaces it. */
export const DROP_IN_PACKAGE = 'instance-role-imds'

/** A package that the AWS SDK finds under the name of {@link OFFICIAL_PACKAGE}. */
export interface ImdsPackage {
  /** The package's own name, which is that of the drop-in if an override works. */
  readonly name: string
  readonly version: string
  /** Its folder. */
  readonly path: string
}

export type PackageManager = 'npm' | 'pnpm' | 'yarn'

/** What the AWS SDK clients of a program use at the end of their default chain. */
export interface DefaultChain {
  /** All copies, each once. */
  readonly packages: readonly ImdsPackage[]
  /** The file that has the override with the drop-in, or `undefined`. */
  readonly overriddenIn: string | undefined
  /** By its lock file; npm if there is none. */
  readonly packageManager: PackageManager
  /** The folder of the lock file, if commands must run there and not in the examined folder. */
  readonly root: string | undefined
  /** Whether Yarn's Plug'n'Play hides the packages, because this process was not started by Yarn. */
  readonly isHidden: boolean
}
