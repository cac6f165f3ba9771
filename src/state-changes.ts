import { type Logger } from '@smithy/types'
import { type LoadedRole } from './credentials-load.js'
import { InstanceRoleError } from './errors.js'
import { type Expiring, type Held } from './refresh-schedule.js'
import { type Change } from './refreshing-cache.js'

/** A role that was loaded, as the schedule sees it. */
export interface HeldRole extends LoadedRole, Expiring {}

/** Writes a line for each change of state; a state that lasts is told once. */
export function logChange({ before, after, error }: Change<Held<HeldRole>>, logger: Logger): void {
  if (error !== undefined) logFailure(before, after, error, logger)
  else if (after !== undefined) logSuccess(before, after, logger)
}

export function logV1(endpoint: string, logger: Logger | undefined): void {
  logger?.warn(
    `instance-role: IMDSv1 is used, as \`imdsV1Fallback\` allows: ${endpoint} gives no metadata token.`,
  )
}

function logSuccess(
  before: Held<HeldRole> | undefined,
  { value, extendedUntil }: Held<HeldRole>,
  logger: Logger,
): void {
  const expiration = new Date(value.expiresAt).toISOString()
  if (before !== undefined && before.value.roleName !== value.roleName) {
    logger.warn(
      `instance-role: the role of this instance changed from ${before.value.roleName} to ${value.roleName}.`,
    )
  }
  if (extendedUntil !== undefined) {
    if (before?.extendedUntil !== undefined) return
    logger.warn(
      `instance-role: IMDS gave credentials that expired at ${expiration}; they are used until it gives others.`,
    )
  } else if (before?.value.id !== value.id) {
    logger.info(`instance-role: credentials of role ${value.roleName} loaded; they expire at ${expiration}.`)
  }
}

function logFailure(
  before: Held<HeldRole> | undefined,
  after: Held<HeldRole> | undefined,
  error: unknown,
  logger: Logger,
): void {
  const why =
    error instanceof InstanceRoleError
      ? `${error.code}: ${error.message} ${error.hint}`
      : 'an unexpected error'
  if (after === undefined) {
    logger.error(`instance-role: no credentials. ${why}`)
  } else if (after.extendedUntil !== undefined && before?.extendedUntil === undefined) {
    const expiration = new Date(after.value.expiresAt).toISOString()
    logger.warn(
      `instance-role: the credentials expired at ${expiration} and are used until IMDS gives others. ${why}`,
    )
  } else if (before?.failures === 0) {
    logger.warn(`instance-role: a refresh failed and will be tried again; what is held is kept. ${why}`)
  }
}
