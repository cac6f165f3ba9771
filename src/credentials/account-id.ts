import type { LoadedRole } from './credentials-load.js'
import { type ImdsLoadOptions, runLoad } from '../imds/imds-load.js'
import { backoffDelayMs } from '../refresh/refresh-schedule.js'

/** Parse the body of `GET /latest/meta-data/iam/info`: the account of the instance profile is that of its role. */
export function parseAccountId(info: string): string | undefined {
  return /"InstanceProfileArn"\s*:\s*"arn:[\w-]+:iam::(\d{12}):/.exec(info)?.[1]
}

/** The account of the role in force, where IMDS gives it apart from the credentials. */
export class AccountLookup {
  #known: { readonly roleName: string; readonly accountId: string } | undefined
  #isUnderWay = false
  #failures = 0
  /** By `elapsed`; after an answer without an account, never, until there are new credentials. */
  #notBefore = 0

  /** `loaded`, with the account ID where that is known. */
  complete(loaded: LoadedRole): LoadedRole {
    const { roleName, credentials } = loaded
    if (credentials.accountId !== undefined || this.#known?.roleName !== roleName) return loaded
    return { ...loaded, credentials: { ...credentials, accountId: this.#known.accountId } }
  }

  /** Not while one is under way or has failed just now. `elapsedMs` is the runtime's. */
  isDue(elapsedMs: number): boolean {
    return !this.#isUnderWay && elapsedMs >= this.#notBefore
  }

  /** Looks the account up, and calls back when it is known. */
  async lookUp(roleName: string, options: ImdsLoadOptions, onFound: () => void): Promise<void> {
    const { elapsed, random } = options.runtime
    this.#isUnderWay = true
    try {
      const info = await runLoad(options, (imds) => imds.get('/latest/meta-data/iam/info', 'metadata'))
      const accountId = info === undefined ? undefined : parseAccountId(info)
      this.#notBefore = accountId === undefined ? Infinity : 0
      this.#failures = 0
      if (accountId === undefined) return
      this.#known = { roleName, accountId }
      onFound()
    } catch {
      this.#notBefore = elapsed() + backoffDelayMs(this.#failures, random)
      this.#failures += 1
    } finally {
      this.#isUnderWay = false
    }
  }

  /** New credentials may be of another account. */
  lookAgain(): void {
    this.#notBefore = 0
  }

  reset(): void {
    this.#known = undefined
    this.#failures = 0
    this.#notBefore = 0
  }
}
