import type { InstanceRoleCredentials } from '../index.js'

/** The Java SDK waits 1 s for a response, botocore 2 s. A response with the reason must come earlier. */
const ANSWER_LIMIT_MS = 900

/**
 * Wraps a provider for callers that wait for a short time only. Returns its credentials, or `undefined` if they take longer; the
 * load goes on. After a failed load, a call that takes longer rejects with that failure, because it tells the reader more.
 */
export function promptCredentials(
  provider: () => Promise<InstanceRoleCredentials>,
  limitMs: number = ANSWER_LIMIT_MS,
): () => Promise<InstanceRoleCredentials | undefined> {
  let lastFailure: { readonly error: unknown } | undefined
  const load = async (): Promise<InstanceRoleCredentials> => {
    try {
      const credentials = await provider()
      lastFailure = undefined
      return credentials
    } catch (error) {
      lastFailure = { error }
      throw error
    }
  }
  return async () => {
    const loading = load()
    const credentials = await within(loading, limitMs)
    if (credentials === undefined && lastFailure !== undefined) throw lastFailure.error
    return credentials
  }
}

/** Returns the result of the promise, or `undefined` if it takes longer than the limit. A later rejection is ignored. */
async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  promise.catch(() => {})
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, limitMs, undefined)))
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}
