import { type Channel, channel } from 'node:diagnostics_channel'
import type { InstanceRoleErrorCode, LoadStep } from './errors.js'

/** A load began. All instants are ISO 8601, all durations milliseconds. */
export interface LoadStartEvent {
  /** The same in every event of one load; unique in the process for one copy of the package. */
  readonly loadId: number
  readonly endpoint: string
}

/** A try within a load ended; a load without trouble has one. */
export interface LoadAttemptEvent {
  readonly loadId: number
  /** 1 for the first. */
  readonly attempt: number
  readonly durationMs: number
  /** Absent where the try succeeded. */
  readonly errorCode?: InstanceRoleErrorCode
  readonly step?: LoadStep
}

/** A load brought credentials. */
export interface LoadEndEvent {
  readonly loadId: number
  readonly durationMs: number
  readonly attempts: number
  readonly roleName: string
  readonly expiration: string
}

/** A load failed. */
export interface LoadErrorEvent {
  readonly loadId: number
  readonly durationMs: number
  readonly attempts: number
  readonly errorCode: InstanceRoleErrorCode
  readonly step?: LoadStep
}

/** What is held was loaded or loaded again. */
export interface RefreshedEvent {
  readonly roleName: string
  readonly expiration: string
  /** Whether IMDS gave another set than the one that was held. */
  readonly isNew: boolean
}

/** A load failed, and what was held is kept. */
export interface RefreshFailedEvent {
  readonly roleName: string
  readonly errorCode: InstanceRoleErrorCode
  readonly step?: LoadStep
  readonly expiration: string
  /** From when on a call tries again. */
  readonly nextRefresh: string
}

/** A set is past its expiration and served all the same, because IMDS gives no other. */
export interface ExtendedEvent {
  readonly roleName: string
  readonly originalExpiration: string
  /** The expiration that is handed out. */
  readonly expiration: string
  /** Why there is no other; absent where IMDS itself gave an expired set. */
  readonly errorCode?: InstanceRoleErrorCode
}

export interface RoleChangedEvent {
  readonly from: string
  readonly to: string
}

/** IMDS says that there is no role any more; what is held serves until its expiration. */
export interface RoleDetachedEvent {
  readonly roleName: string
  readonly expiration: string
}

/** IMDSv1 was used, as `imdsV1Fallback` allows. */
export interface V1UsedEvent {
  readonly endpoint: string
}

/** The payload on each `node:diagnostics_channel` channel of this library; no secret in any. */
export interface InstanceRoleEvents {
  readonly 'instance-role:load:start': LoadStartEvent
  readonly 'instance-role:load:attempt': LoadAttemptEvent
  readonly 'instance-role:load:end': LoadEndEvent
  readonly 'instance-role:load:error': LoadErrorEvent
  readonly 'instance-role:refreshed': RefreshedEvent
  readonly 'instance-role:refresh-failed': RefreshFailedEvent
  readonly 'instance-role:extended': ExtendedEvent
  readonly 'instance-role:role-changed': RoleChangedEvent
  readonly 'instance-role:role-detached': RoleDetachedEvent
  readonly 'instance-role:v1-used': V1UsedEvent
}

export type InstanceRoleEventName = keyof InstanceRoleEvents

const channels = new Map<string, Channel>()

/** Publishes each payload on the channel of its name; costs next to nothing where nobody listens. */
export function publish(events: Partial<InstanceRoleEvents>): void {
  for (const [name, payload] of Object.entries(events)) {
    const known = channels.get(name) ?? channel(name)
    channels.set(name, known)
    if (known.hasSubscribers) known.publish(payload)
  }
}
