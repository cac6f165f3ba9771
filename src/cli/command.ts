/** One command of `instance-role`. */
export interface Command {
  readonly name: string
  /** What the command does, in one line of the overview. */
  readonly summary: string
  /**
   * Runs to the end. Returns the exit status.
   *
   * @throws {UsageError} for an unknown flag or a malformed value
   */
  run(args: readonly string[]): Promise<number>
}

/** An unknown flag or a malformed value: one line on stderr, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
