import type { Clock } from '../testing/clock.js'
import type { GivenCredentials } from '../testing/index.js'

const RENEWED_AHEAD_MS = 15 * 60_000

/** When to renew a set: 15 min before its end, as early as the hastiest SDK asks again; half-way through a short life. */
export function renewalAt(receivedAt: number, expiresAt: number): number {
  return Math.max(expiresAt - RENEWED_AHEAD_MS, (receivedAt + expiresAt) / 2)
}

/** A laptop that slept has not turned its timers: the wall clock is looked at every so often. */
const LONGEST_SLEEP_MS = 30_000
const SHORTEST_SLEEP_MS = 1_000
const RETRY_MS = 10_000

export interface Renewing {
  readonly clock: Clock
  /** Gets another set. */
  readonly renew: () => Promise<GivenCredentials>
  readonly onRenewed: (credentials: GivenCredentials) => void
  readonly onFailed: (error: unknown) => void
  /** Aborted when there is no more need. */
  readonly stopped: AbortSignal
}

/** Renews the set, and each that follows it, before it ends; after a failure, again and again. Resolves when it is stopped. */
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

/** When the next renewal is due. */
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
