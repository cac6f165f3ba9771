import type { Clock } from '../testing/clock.js'
import type { GivenCredentials } from '../testing/index.js'

const RENEWED_AHEAD_MS = 15 * 60_000

/** When to renew credentials: 15 min before they expire, which is when the earliest SDK asks again; half-way through a short life. */
export function renewalAt(receivedAt: number, expiresAt: number): number {
  return Math.max(expiresAt - RENEWED_AHEAD_MS, (receivedAt + expiresAt) / 2)
}

/** The timers of a laptop that slept are late, so the wall clock is checked this often. */
const LONGEST_SLEEP_MS = 30_000
const SHORTEST_SLEEP_MS = 1_000
const RETRY_MS = 10_000

export interface Renewing {
  readonly clock: Clock
  /** Requests new credentials. */
  readonly renew: () => Promise<GivenCredentials>
  readonly onRenewed: (credentials: GivenCredentials) => void
  readonly onFailed: (error: unknown) => void
  /** Aborted when no more credentials are needed. */
  readonly stopped: AbortSignal
}

/** Renews the credentials before they expire, again and again. Retries after a failure. Resolves when it is stopped. */
export async function keepRenewed(held: GivenCredentials, renewing: Renewing): Promise<void> {
  const { clock, stopped } = renewing
  let dueAt = renewalAt(clock.now(), held.expiration.getTime())
  for (;;) {
    const wantedMs = dueAt - clock.now()
    await clock.sleep(Math.min(LONGEST_SLEEP_MS, Math.max(SHORTEST_SLEEP_MS, wantedMs)), stopped)
    if (stopped.aborted) return
    if (clock.now() >= dueAt) dueAt = await renewOnce(renewing)
  }
}

/** Renews once. Returns when the next renewal is due. */
async function renewOnce({ clock, renew, onRenewed, onFailed, stopped }: Renewing): Promise<number> {
  try {
    const credentials = await renew()
    if (!stopped.aborted) onRenewed(credentials)
    return renewalAt(clock.now(), credentials.expiration.getTime())
  } catch (error) {
    if (!stopped.aborted) onFailed(error)
    return clock.now() + RETRY_MS
  }
}
