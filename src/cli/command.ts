/** One command of `instance-role`. */
export interface Command {
  readonly name: string
  /** What it does, in a line of the overview. */
  readonly summary: string
  /**
   * Runs to the end; gives the exit status.
   *
   * @throws {UsageError} for a flag or value that there is not
   */
  run(args: readonly string[]): Promise<number>
}

/** The user asked for what there is not: one line on stderr, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
