import type { RecordedRequest } from '../emulated-aws/verifying-aws-endpoint.js'

/** A set of credentials that AWS was called with. */
export interface SetInUse {
  readonly accessKeyId: string
  readonly roleName: string
  readonly firstUsedAt: number
  readonly expiresAt: number
}

type FindCredentials = (
  accessKeyId: string,
) => { readonly roleName: string; readonly expiration: Date } | undefined

/** The sets that AWS was called with, in the order of their first use. */
export function setsInUse(
  requests: readonly RecordedRequest[],
  findCredentials: FindCredentials,
): SetInUse[] {
  const sets = new Map<string, SetInUse>()
  for (const { accessKeyId = '', at } of requests) {
    const issued = findCredentials(accessKeyId)
    if (issued === undefined || sets.has(accessKeyId)) continue
    const { roleName, expiration } = issued
    sets.set(accessKeyId, { accessKeyId, roleName, firstUsedAt: at, expiresAt: expiration.getTime() })
  }
  return [...sets.values()]
}

/** For each set but the first: how long the one before it had still to live when it came into use. */
export function refreshMarginsMs(sets: readonly SetInUse[]): number[] {
  return sets.slice(1).map((set, before) => (sets[before]?.expiresAt ?? Number.NaN) - set.firstUsedAt)
}

export interface ImdsCounts {
  readonly token: number
  readonly role: number
  readonly credentials: number
  readonly notFound: number
  readonly unanswered: number
}

const ROLE_PATH = '/latest/meta-data/iam/security-credentials/'

/** IMDS requests of each kind, from lines such as `PUT /latest/api/token 200`. */
export function countImdsRequests(requests: readonly string[]): ImdsCounts {
  const count = (pattern: RegExp) => requests.filter((request) => pattern.test(request)).length
  return {
    token: count(/^PUT \/latest\/api\/token 200$/),
    role: count(new RegExp(`^GET ${ROLE_PATH} 200$`)),
    credentials: count(new RegExp(`^GET ${ROLE_PATH}[^/ ]+ 200$`)),
    notFound: count(/ 404$/),
    unanswered: count(/ (?!200$|404$)\S+$/),
  }
}
