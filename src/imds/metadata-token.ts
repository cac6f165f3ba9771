import { InstanceRoleError } from '../errors.js'

/** What `PUT /latest/api/token` gives. Instants are epoch milliseconds. */
export interface MetadataToken {
  readonly value: string
  /** Not used for a new load from here on. */
  readonly refreshAt: number
  readonly expiresAt: number
  readonly receivedAt: number
}

/**
 * The longest a metadata token can live, in seconds.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
export const MAX_TOKEN_TTL_SECONDS = 21_600

/** Real ones have 56 characters; servers take 8 KiB of headers and more. */
const MAX_TOKEN_LENGTH = 4_096

/** Reused until 2 min before its end, or for half of a life shorter than 4 min. */
const REFRESH_AHEAD_MS = 120_000

/**
 * Parse the answer of `PUT /latest/api/token`: its body, and its header `X-aws-ec2-metadata-token-ttl-seconds`. Where the
 * header is missing or cannot be read (emulators), the token is taken to live as long as was asked for; a 401 corrects that.
 *
 * @throws {InstanceRoleError} `BAD_RESPONSE`
 */
export function parseMetadataToken(body: string, ttlHeader: string | undefined, now: number): MetadataToken {
  const value = body.trim()
  // What cannot stand in a header must not reach one: line breaks would end it.
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

/** The metadata token of one endpoint, shared by every load of the process; each load brings its own way to take one. */
export class MetadataTokenCache {
  readonly #now: () => number
  #held: MetadataToken | undefined
  #flight: Promise<MetadataToken> | undefined
  #hasGiven = false
  /** Those who have not said that they are done with it. */
  users = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** The token that is held, whatever its age. */
  get held(): MetadataToken | undefined {
    return this.#held
  }

  /** Whether this endpoint has given a token in this process: then it is IMDS. */
  get hasGiven(): boolean {
    return this.#hasGiven
  }

  /**
   * The token that is held while it is fresh, else what the request under way or `take` brings. A load shares the request of another
   * load, and not its failure: that one may have had less time, so it asks once for itself.
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
      this.#hasGiven = true
      // After `reset()`, what an older request brings is not kept.
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

/** A clock that went back behind the token's start says nothing about its end. */
export function isFresh(now: number, token: MetadataToken): boolean {
  return now < token.refreshAt && now >= token.receivedAt
}
