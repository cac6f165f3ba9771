import { runLoad } from '../imds/imds-load.js'
import type { ImdsLoadOptions } from '../imds/imds-access.js'

/** Parse the body of `GET /latest/meta-data/iam/info`. The account of the instance profile is the account of its role. */
export function parseAccountId(info: string): string | undefined {
  return /"InstanceProfileArn"\s*:\s*"arn:[\w-]+:iam::(\d{12}):/.exec(info)?.[1]
}

/** Asks IMDS once for the account of the role. Returns `undefined` if it does not answer within `options.deadlineMs`. */
export async function readAccountId(options: ImdsLoadOptions): Promise<string | undefined> {
  const once = { ...options, retries: 0, isColdStart: false }
  try {
    const info = await runLoad(once, (imds) => imds.get('/latest/meta-data/iam/info', 'metadata'))
    return info === undefined ? undefined : parseAccountId(info)
  } catch {
    // Credentials without an account ID are valid. The next load asks again.
    return undefined
  }
}
