import type { LoadedRole } from './credentials-load.js'
import { type ImdsLoadOptions, runLoad } from './imds-load.js'

/** Parse the body of `GET /latest/meta-data/iam/info`: the account of the instance profile is that of its role. */
export function parseAccountId(info: string): string | undefined {
  return /"InstanceProfileArn"\s*:\s*"arn:[\w-]+:iam::(\d{12}):/.exec(info)?.[1]
}

/** The account of the role in force, where IMDS gives it apart from the credentials. */
export class AccountLookup {
  #known: { readonly roleName: string; readonly accountId: string } | undefined
  #isUnderWay = false

  /** `loaded`, with the account ID where that is known. */
  complete(loaded: LoadedRole): LoadedRole {
    const { roleName, credentials } = loaded
    if (credentials.accountId !== undefined || this.#known?.roleName !== roleName) return loaded
    return { ...loaded, credentials: { ...credentials, accountId: this.#known.accountId } }
  }

  /** Looks the account up once, and calls back when it is known; where that fails, the next call looks again. */
  async lookUp(roleName: string, options: ImdsLoadOptions, onFound: () => void): Promise<void> {
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    try {
      const info = await runLoad(options, (imds) => imds.get('/latest/meta-data/iam/info', 'metadata'))
      const accountId = info === undefined ? undefined : parseAccountId(info)
      if (accountId === undefined) return
      this.#known = { roleName, accountId }
      onFound()
    } finally {
      this.#isUnderWay = false
    }
  }

  reset(): void {
    this.#known = undefined
  }
}
