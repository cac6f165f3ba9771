/** One thing that is proven of the packed package, in one surrounding. */
export interface Check {
  /** The section and the surrounding, such as `node` and `Node 20, msw 2`. */
  readonly section: string
  readonly subject: string
  /** Gives, in a few words, what was seen; rejects where it does not hold. */
  readonly prove: () => Promise<string>
  /** Whether nothing else runs beside it; no, where it is not said. */
  readonly runsAlone?: boolean
}

/** What a check needs is not to be had here, which says nothing about the package. */
export class Unavailable extends Error {}

export interface Result {
  readonly check: Check
  readonly word: 'passed' | 'FAILED' | 'SKIPPED'
  readonly detail: string
  readonly tookMs: number
}

/** Runs the check; never rejects. */
export async function runCheck(check: Check): Promise<Result> {
  const startedAt = performance.now()
  const end = (word: Result['word'], detail: string): Result => ({
    check,
    word,
    detail,
    tookMs: performance.now() - startedAt,
  })
  try {
    return end('passed', await check.prove())
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return end(error instanceof Unavailable ? 'SKIPPED' : 'FAILED', message)
  }
}

/** Runs all of them, so many at a time, and then those that run alone; tells each result as it comes. */
export async function runChecks(
  checks: readonly Check[],
  atOnce: number,
  onResult: (result: Result) => void,
): Promise<Result[]> {
  const results: Result[] = []
  const work = async (waiting: Check[]): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const result = await runCheck(check)
      results.push(result)
      onResult(result)
    }
  }
  const together = checks.filter(({ runsAlone = false }) => !runsAlone)
  await Promise.all(Array.from({ length: atOnce }, () => work(together)))
  await work(checks.filter(({ runsAlone = false }) => runsAlone))
  return checks.flatMap((check) => results.filter((result) => result.check === check))
}
