/** One property of the packed package that is proven in one environment. */
export interface Check {
  /** The section and the environment, for example `node` and `Node 20, msw 2`. */
  readonly section: string
  readonly subject: string
  /** Returns the result in a few words. Rejects if the property does not hold. */
  readonly prove: () => Promise<string>
  /** Whether nothing else may run at the same time; false by default. */
  readonly runsAlone?: boolean
}

/** A requirement of the check is not available on this machine. This says nothing about the package. */
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

/** Runs the checks, several at a time, and then those that run alone. Reports each result when it comes. */
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
