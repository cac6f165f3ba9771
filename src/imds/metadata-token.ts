import { InstanceRoleError } from '../errors.js'
import type { Verdict } from '../refresh/refresh-schedule.js'
import type { RefreshPolicy } from '../refresh/refreshing-cache.js'

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
 * Parse the answer of `PUT /latest/api/token`: its body, and its header `X-aws-ec2-metadata-token-ttl-seconds`. Without
 * the header (emulators), the token is taken to live as long as was asked for; a 401 corrects that.
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
  if (header === undefined) return MAX_TOKEN_TTL_SECONDS
  if (!/^0*[1-9]\d*$/.test(header.trim())) {
    throw malformed('X-aws-ec2-metadata-token-ttl-seconds is not a positive whole number')
  }
  return Math.min(Number(header), MAX_TOKEN_TTL_SECONDS)
}

function malformed(what: string): InstanceRoleError {
  return new InstanceRoleError('BAD_RESPONSE', `In the token answer of IMDS, ${what}.`, { step: 'token' })
}

/** When a metadata token is used and replaced. */
export function metadataTokenPolicy(now: () => number): RefreshPolicy<MetadataToken, MetadataToken> {
  return {
    judge: (held): Verdict => (held !== undefined && isFresh(now(), held) ? 'use' : 'refresh-first'),
    isServable: (held) => now() < held.expiresAt,
    afterSuccess: (_held, value) => value,
    afterFailure: (held) => held,
  }
}

/** A clock that went back behind the token's start says nothing about its end. */
function isFresh(now: number, token: MetadataToken): boolean {
  return now < token.refreshAt && now >= token.receivedAt
}
