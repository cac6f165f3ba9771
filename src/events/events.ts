import type { Channel } from 'node:diagnostics_channel'
import type { InstanceRoleErrorCode, LoadStep } from '../errors.js'
import { diagnosticsChannel } from '../runtime/builtins.js'

/** A load began. */
export interface LoadStartEvent {
  /** The same in every event of one load; unique in the process for one copy of the package. */
  readonly loadId: number
  /** Base URL of IMDS that the load begins with. */
  readonly endpoint: string
}

/** A try within a load ended; a load without trouble has one. */
export interface LoadAttemptEvent {
  /** The same in every event of one load. */
  readonly loadId: number
  /** 1 for the first. */
  readonly attempt: number
  /** Of this try alone. */
  readonly durationMs: number
  /** Absent where the try succeeded. */
  readonly errorCode?: InstanceRoleErrorCode
  /** The request that failed; absent where the try succeeded. */
  readonly step?: LoadStep
}

/** A load brought credentials. */
export interface LoadEndEvent {
  /** The same in every event of one load. */
  readonly loadId: number
  /** Of the whole load. */
  readonly durationMs: number
  /** Tries, the first included. */
  readonly attempts: number
  /** The role whose credentials were loaded. */
  readonly roleName: string
  /** Of the credentials that were loaded. */
  readonly expiration: string
}

/** A load failed. */
export interface LoadErrorEvent {
  /** The same in every event of one load. */
  readonly loadId: number
  /** Of the whole load. */
  readonly durationMs: number
  /** Tries, the first included; 0 where IMDS was not asked. */
  readonly attempts: number
  /** Code of the error that the load ended with. */
  readonly errorCode: InstanceRoleErrorCode
  /** The request that failed; absent where none was made. */
  readonly step?: LoadStep
}

/** What is held was loaded or loaded again. */
export interface RefreshedEvent {
  /** The role whose credentials are held. */
  readonly roleName: string
  /** Of the set that is held now. */
  readonly expiration: string
  /** Whether IMDS gave another set than the one that was held. */
  readonly isNew: boolean
}

/** A load failed, and the cached credentials are kept, because they have not expired. */
export interface RefreshFailedEvent {
  /** The role whose credentials are kept. */
  readonly roleName: string
  /** Why the load failed. */
  readonly errorCode: InstanceRoleErrorCode
  /** The request that failed; absent where none was made. */
  readonly step?: LoadStep
  /** Of the set that is kept. */
  readonly expiration: string
  /** From when on a call tries again. */
  readonly nextRefresh: string
}

/** A set is past its expiration and served all the same, because IMDS gives no other. */
export interface ExtendedEvent {
  /** The role whose credentials are extended. */
  readonly roleName: string
  /** When the set really ended. */
  readonly originalExpiration: string
  /** The expiration that is handed out. */
  readonly expiration: string
  /** Why there is no other; absent where IMDS itself gave an expired set. */
  readonly errorCode?: InstanceRoleErrorCode
  /** The request that failed; absent where none did. */
  readonly step?: LoadStep
  /** From when on a call tries again. */
  readonly nextRefresh: string
}

/** IMDS lists another role than the one whose credentials were held. */
export interface RoleChangedEvent {
  /** Name of the role until now. */
  readonly from: string
  /** Name of the role from now on. */
  readonly to: string
}

/** IMDS says that there is no role any more; the cached credentials are used until they expire. Once for each detachment. */
export interface RoleDetachedEvent {
  /** The role that was detached. */
  readonly roleName: string
  /** Until when its credentials serve. */
  readonly expiration: string
}

/** A call failed, the first one after calls that succeeded, or the first of all. */
export interface CallsFailingEvent {
  /** When that call failed. */
  readonly since: string
  /** Why it failed. */
  readonly errorCode: InstanceRoleErrorCode
  /** The request that failed; absent where none was made. */
  readonly step?: LoadStep
  /** The role whose credentials expired; absent where there never were any. */
  readonly roleName?: string
}

/** There are credentials again, after calls failed. */
export interface CallsRecoveredEvent {
  /** When the first of those calls failed. */
  readonly since: string
  /** How many failed. */
  readonly failedCalls: number
}

/** IMDSv1 was used, as `imdsV1Fallback` allows. */
export interface V1UsedEvent {
  /** Base URL of the IMDS that was asked. */
  readonly endpoint: string
}

/**
 * The payload on each `node:diagnostics_channel` channel of this library; no secret in any. Instants are ISO 8601, durations
 * milliseconds.
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
  /** Credentials are loaded, or loaded again. */
  readonly 'instance-role:refreshed': RefreshedEvent
  /** A load failed, and the cached credentials are kept, because they have not expired. */
  readonly 'instance-role:refresh-failed': RefreshFailedEvent
  /** An expired set is served. */
  readonly 'instance-role:extended': ExtendedEvent
  /** The instance has another role. */
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

/** Publishes each payload on the channel of its name; costs next to nothing where nobody listens. */
export function publish(events: Partial<InstanceRoleEvents>): void {
  for (const [name, payload] of Object.entries(events)) {
    const known = channels.get(name) ?? diagnosticsChannel.channel(name)
    channels.set(name, known)
    if (known.hasSubscribers) known.publish(payload)
  }
}
