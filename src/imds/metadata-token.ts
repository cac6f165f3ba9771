import { InstanceRoleError } from '../errors.js'

/** A metadata token, from `PUT /latest/api/token`. Instants are epoch milliseconds. */
export interface MetadataToken {
  readonly value: string
  /** From here on, a new load requests a new token. */
  readonly refreshAt: number
  readonly expiresAt: number
  readonly receivedAt: number
}

/**
 * Longest life of a metadata token, in seconds.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
export const MAX_TOKEN_TTL_SECONDS = 21_600

/** Real tokens have 56 characters. Servers accept headers of 8 KiB and more. */
const MAX_TOKEN_LENGTH = 4_096

/** A token is reused until 2 min before its end, or for half of its life if that is shorter than 4 min. */
const REFRESH_AHEAD_MS = 120_000

/**
 * Parse the response to `PUT /latest/api/token`: its body and its header `X-aws-ec2-metadata-token-ttl-seconds`. If the header is
 * missing or malformed (emulators), the token is assumed to live as long as requested; a 401 corrects that.
 *
 * @throws {InstanceRoleError} `BAD_RESPONSE`
 */
export function parseMetadataToken(body: string, ttlHeader: string | undefined, now: number): MetadataToken {
  const value = body.trim()
  // The token is sent in a header, which a line break would end.
  if (!/^[\x21-\x7e]+$/.test(value)) throw malformed('the metadata token is empty or not printable')
  if (value.length > MAX_TOKEN_LENGTH) throw malformed('the metadata token is too long for a header')
  const ttlMs = parseTtlSeconds(ttlHeader) * 1_000
  const refreshAheadMs = Math.min(REFRESH_AHEAD_MS, ttlMs / 2)
  return { value, receivedAt: now, refreshAt: now + ttlMs - refreshAheadMs, expiresAt: now + ttlMs }
}

function parseTtlSeconds(header: string | undefined): number {
  const isReadable = header !== undefined && /^0*[1-9]\d*$/.test(header.trim())
  return isReadable ? Math.min(Number(header), MAX_TOKEN_TTL_SECONDS) : MAX_TOKEN_TTL_SECONDS
}

function malformed(what: string): InstanceRoleError {
  return new InstanceRoleError('BAD_RESPONSE', `In the token answer of IMDS, ${what}.`, { step: 'token' })
}

/** The metadata token of one endpoint, shared by every load of the process. Each load passes its own function to request one. */
export class MetadataTokenCache {
  readonly #now: () => number
  /** Private, so that nobody who prints this object prints the token. */
  #held: MetadataToken | undefined
  #flight: Promise<MetadataToken> | undefined
  /** Whether this endpoint has given a token in this process. If so, it is IMDS. */
  hasGiven = false
  /** Number of users that have not released it. */
  users = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** The cached token, whatever its age. */
  get held(): MetadataToken | undefined {
    return this.#held
  }

  /**
   * Returns the cached token while it is fresh, otherwise the result of the running request or of `take`. A load shares the request
   * of another load but not its failure: the other load may have had less time, so this one then asks once itself.
   */
  async get(take: () => Promise<MetadataToken>): Promise<MetadataToken> {
    if (this.#held !== undefined && isFresh(this.#now(), this.#held)) return this.#held
    try {
      const joined = this.#flight
      return await (joined === undefined ? this.#take(take) : joined.catch(() => this.#take(take)))
    } catch (error) {
      if (this.#held !== undefined && this.#now() < this.#held.expiresAt) return this.#held
      throw error
    }
  }

  /** Forgets the token. */
  reset(): void {
    this.#held = undefined
    this.#flight = undefined
  }

  #take(take: () => Promise<MetadataToken>): Promise<MetadataToken> {
    const flight = take().then((token) => {
      this.hasGiven = true
      // After `reset()`, the result of an older request is not cached.
      if (this.#flight === flight) this.#held = token
      return token
    })
    const land = (): void => {
      if (this.#flight === flight) this.#flight = undefined
    }
    this.#flight = flight
    flight.then(land, land)
    return flight
  }
}

/** If the clock was set back to before the token's start, its end cannot be trusted. */
export function isFresh(now: number, token: MetadataToken): boolean {
  return now < token.refreshAt && now >= token.receivedAt
}
