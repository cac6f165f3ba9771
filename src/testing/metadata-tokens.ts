import { randomBytes } from 'node:crypto'

/** Longest life of a metadata token, in seconds. */
export const LONGEST_TTL_SECONDS = 21_600

/** The metadata tokens that the emulated IMDS issued and still knows. */
export class MetadataTokens {
  readonly #expiresAt = new Map<string, number>()

  issue(ttlSeconds: number, now: number): string {
    this.#forgetExpired(now)
    // 56 characters, like real ones.
    const token = `FAKE${randomBytes(39).toString('base64url')}`
    this.#expiresAt.set(token, now + ttlSeconds * 1_000)
    return token
  }

  /** Seconds until a token expires, rounded down. `undefined` if it is unknown or expired. */
  secondsLeft(token: string, now: number): number | undefined {
    const expiresAt = this.#expiresAt.get(token)
    if (expiresAt === undefined || now >= expiresAt) return undefined
    return Math.ceil((expiresAt - now) / 1_000)
  }

  forget(): void {
    this.#expiresAt.clear()
  }

  // Tokens with the same life are in order of age, so a server that runs for days does not search all of them.
  #forgetExpired(now: number): void {
    for (const [token, expiresAt] of this.#expiresAt) {
      if (now < expiresAt) return
      this.#expiresAt.delete(token)
    }
  }
}

/**
 * Parse `X-aws-ec2-metadata-token-ttl-seconds`: an integer from 1 to 21600. Anything else is `undefined`.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
export function parseTtlSeconds(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,5}$/.test(header)) return undefined
  const ttlSeconds = Number(header)
  return ttlSeconds >= 1 && ttlSeconds <= LONGEST_TTL_SECONDS ? ttlSeconds : undefined
}
