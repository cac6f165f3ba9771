import type { Outage, Scenario } from './simulate.js'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
export const DAY_MS: number = 24 * HOUR

/** 20 minutes around every instant at which one of the hourly credentials expires. */
export const OUTAGES: readonly Outage[] = Array.from({ length: 24 }, (_, hour) => ({
  fromMs: (hour + 1) * HOUR - 10 * MINUTE,
  toMs: (hour + 1) * HOUR + 10 * MINUTE,
}))

/** A day of one client: one call per second, new credentials every hour, 300 ms per response. */
export const QUIET_DAY: Scenario = { durationMs: DAY_MS }

export const DAY_WITH_OUTAGES: Scenario = { ...QUIET_DAY, outages: OUTAGES }

/**
 * Credentials that live an hour, each published five minutes before the previous ones expire, that is within the outage, so that
 * nobody can have the next ones in time.
 */
export const DAY_OF_SHORT_SETS: Scenario = {
  ...QUIET_DAY,
  instance: { lifetimeMs: HOUR },
  outages: Array.from({ length: 26 }, (_, set) => {
    const expiresMs = HOUR + set * 55 * MINUTE
    return { fromMs: expiresMs - 10 * MINUTE, toMs: expiresMs + 10 * MINUTE }
  }),
}

/** Many clients in one process. After the first minute they call less often, which saves time and does not change the results. */
export function clients(count: number): Scenario {
  return { durationMs: DAY_MS, clientsPerProcess: count, callEveryMs: count > 10 ? 30 * SECOND : SECOND }
}

/** Many processes on one instance, all started in the same second, with EC2's limit on packets to IMDS. */
export function fleet(count: number): Scenario {
  return {
    durationMs: DAY_MS,
    processes: count,
    throttled: true,
    callEveryMs: count > 10 ? 30 * SECOND : SECOND,
  }
}

/** The same on an instance with IMDSv1 as well (`HttpTokens` `optional`). By default the emulated instance has `required`. */
export function withImdsV1(scenario: Scenario): Scenario {
  return { ...scenario, instance: { ...scenario.instance, httpTokens: 'optional' } }
}
