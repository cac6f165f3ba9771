import type { Channel } from 'node:diagnostics_channel'
import type { InstanceRoleErrorCode, LoadStep } from '../errors.js'
import { diagnosticsChannel } from '../runtime/builtins.js'

/** A load began. */
export interface LoadStartEvent {
  /** The same in every event of one load; unique in the process for one copy of the package. */
  readonly loadId: number
  /** Base URL of IMDS at the start of the load. */
  readonly endpoint: string
}

/** A try of a load ended. A load that succeeds at once has one try. */
export interface LoadAttemptEvent {
  /** The same in every event of one load. */
  readonly loadId: number
  /** 1 for the first try. */
  readonly attempt: number
  /** Duration of this try. */
  readonly durationMs: number
  /** Absent if the try succeeded. */
  readonly errorCode?: InstanceRoleErrorCode
  /** The request that failed. Absent if the try succeeded. */
  readonly step?: LoadStep
}

/** A load brought credentials. */
export interface LoadEndEvent {
  /** The same in every event of one load. */
  readonly loadId: number
  /** Duration of the whole load. */
  readonly durationMs: number
  /** Number of tries, the first included. */
  readonly attempts: number
  /** The role whose credentials were loaded. */
  readonly roleName: string
  /** Expiration of the loaded credentials. */
  readonly expiration: string
}

/** A load failed. */
export interface LoadErrorEvent {
  /** The same in every event of one load. */
  readonly loadId: number
  /** Duration of the whole load. */
  readonly durationMs: number
  /** Number of tries, the first included; 0 if IMDS was not asked. */
  readonly attempts: number
  /** Code of the load's error. */
  readonly errorCode: InstanceRoleErrorCode
  /** The request that failed. Absent if no request was made. */
  readonly step?: LoadStep
}

/** Credentials were loaded: new ones, or the same ones again. */
export interface RefreshedEvent {
  /** The role of the cached credentials. */
  readonly roleName: string
  /** Expiration of the cached credentials. */
  readonly expiration: string
  /** Whether IMDS gave other credentials than the ones that were cached. */
  readonly isNew: boolean
}

/** A load failed, and the cached credentials are kept, because they have not expired. */
export interface RefreshFailedEvent {
  /** The role of the cached credentials. */
  readonly roleName: string
  /** Why the load failed. */
  readonly errorCode: InstanceRoleErrorCode
  /** The request that failed. Absent if no request was made. */
  readonly step?: LoadStep
  /** Expiration of the cached credentials. */
  readonly expiration: string
  /** The next call after this instant refreshes the credentials. */
  readonly nextRefresh: string
}

/** Expired credentials are served, because IMDS gives no others. */
export interface ExtendedEvent {
  /** The role of the credentials. */
  readonly roleName: string
  /** When the credentials really expired. */
  readonly originalExpiration: string
  /** The expiration that callers are given. */
  readonly expiration: string
  /** Why there are no others. Absent if IMDS itself gave expired credentials. */
  readonly errorCode?: InstanceRoleErrorCode
  /** The request that failed. Absent if none failed. */
  readonly step?: LoadStep
  /** The next call after this instant refreshes the credentials. */
  readonly nextRefresh: string
}

/** IMDS lists another role than the one whose credentials were cached. */
export interface RoleChangedEvent {
  /** Name of the previous role. */
  readonly from: string
  /** Name of the new role. */
  readonly to: string
}

/** IMDS lists no role any more. The cached credentials are used until they expire. Published once per detachment. */
export interface RoleDetachedEvent {
  /** The role that was detached. */
  readonly roleName: string
  /** When its credentials expire. */
  readonly expiration: string
}

/** A call failed: the first one ever, or the first one since calls last succeeded. */
export interface CallsFailingEvent {
  /** When that call failed. */
  readonly since: string
  /** Why it failed. */
  readonly errorCode: InstanceRoleErrorCode
  /** The request that failed. Absent if no request was made. */
  readonly step?: LoadStep
  /** The role whose credentials expired. Absent if there never were any. */
  readonly roleName?: string
}

/** There are credentials again after calls failed. */
export interface CallsRecoveredEvent {
  /** When the first of those calls failed. */
  readonly since: string
  /** Number of calls that failed. */
  readonly failedCalls: number
}

/** IMDSv1 was used, because `imdsV1Fallback` allows it. */
export interface V1UsedEvent {
  /** Base URL of IMDS. */
  readonly endpoint: string
}

/**
 * The payload of each `node:diagnostics_channel` channel of this library. None contains a secret. Instants are ISO 8601 text,
 * durations are milliseconds.
 */
export interface InstanceRoleEvents {
  /** A load begins. */
  readonly 'instance-role:load:start': LoadStartEvent
  /** A try within a load ends. */
  readonly 'instance-role:load:attempt': LoadAttemptEvent
  /** A load brought credentials. */
  readonly 'instance-role:load:end': LoadEndEvent
  /** A load failed. */
  readonly 'instance-role:load:error': LoadErrorEvent
  /** Credentials were loaded: new ones, or the same ones again. */
  readonly 'instance-role:refreshed': RefreshedEvent
  /** A load failed, and the cached credentials are kept, because they have not expired. */
  readonly 'instance-role:refresh-failed': RefreshFailedEvent
  /** Expired credentials are served. */
  readonly 'instance-role:extended': ExtendedEvent
  /** The instance has another role than before. */
  readonly 'instance-role:role-changed': RoleChangedEvent
  /** IMDS says that there is no role any more. */
  readonly 'instance-role:role-detached': RoleDetachedEvent
  /** Calls begin to fail. */
  readonly 'instance-role:calls-failing': CallsFailingEvent
  /** Calls succeed again. */
  readonly 'instance-role:calls-recovered': CallsRecoveredEvent
  /** IMDSv1 was used. */
  readonly 'instance-role:v1-used': V1UsedEvent
}

/** Name of a `node:diagnostics_channel` channel of this library. */
export type InstanceRoleEventName = keyof InstanceRoleEvents

const channels = new Map<string, Channel>()

/** Publishes each payload on the channel of its name. Costs almost nothing while nobody subscribes. */
export function publish(events: Partial<InstanceRoleEvents>): void {
  for (const [name, payload] of Object.entries(events)) {
    const known = channels.get(name) ?? diagnosticsChannel.channel(name)
    channels.set(name, known)
    if (known.hasSubscribers) known.publish(payload)
  }
}
