import type { Channel } from 'node:diagnostics_channel'
import type { InstanceRoleError, InstanceRoleErrorCode, LoadStep } from '../errors.js'
import { diagnosticsChannel } from '../runtime/builtins.js'

/** Part of each event about a load. */
export interface LoadEvent {
  /** The same in every event of one load; unique in the process for one copy of the package. */
  readonly loadId: number
}

/** Part of each event about a load that ended, however it did. */
export interface EndedLoadEvent extends LoadEvent {
  /** Duration of the whole load. */
  readonly durationMs: number
  /** Number of tries, the first included; 0 if IMDS was not asked. */
  readonly attempts: number
}

/** Part of each event about credentials. */
export interface CredentialsEvent {
  /** The role of the credentials. */
  readonly roleName: string
  /** When they expire; in `instance-role:extended`, the expiration that callers are given. */
  readonly expiration: string
}

/** Part of each event about a failure. */
export interface FailureEvent {
  /** Code of the error. */
  readonly errorCode: InstanceRoleErrorCode
  /** The request that failed. Absent if no request was made. */
  readonly step?: LoadStep
}

/**
 * The payload of each `node:diagnostics_channel` channel of this library. None contains a secret. Instants are ISO 8601 text,
 * durations are milliseconds.
 */
export interface InstanceRoleEvents {
  /** A load begins. */
  readonly 'instance-role:load:start': LoadEvent & {
    /** Base URL of IMDS at the start of the load. */
    readonly endpoint: string
  }
  /** A try within a load ends, with an `errorCode` if it failed. A load that succeeds at once has one try. */
  readonly 'instance-role:load:attempt': LoadEvent & {
    /** 1 for the first try. */
    readonly attempt: number
    /** Duration of this try. */
    readonly durationMs: number
  } & Partial<FailureEvent>
  /** A load brought credentials. */
  readonly 'instance-role:load:end': EndedLoadEvent & CredentialsEvent
  /** A load failed. */
  readonly 'instance-role:load:error': EndedLoadEvent & FailureEvent
  /** Credentials were loaded: new ones, or the same ones again. */
  readonly 'instance-role:refreshed': CredentialsEvent & {
    /** Whether IMDS gave other credentials than the ones that were cached. */
    readonly isNew: boolean
  }
  /** A load failed, and the cached credentials are kept, because they have not expired. */
  readonly 'instance-role:refresh-failed': CredentialsEvent &
    FailureEvent & {
      /** The next call after this instant refreshes the credentials. */
      readonly nextRefresh: string
    }
  /** Expired credentials are served, because IMDS gives no others. Without an `errorCode`, IMDS itself gave expired credentials. */
  readonly 'instance-role:extended': CredentialsEvent & {
    /** When the credentials really expired. */
    readonly originalExpiration: string
    /** The next call after this instant refreshes the credentials. */
    readonly nextRefresh: string
  } & Partial<FailureEvent>
  /** IMDS lists another role than the one whose credentials were cached. */
  readonly 'instance-role:role-changed': {
    /** Name of the previous role. */
    readonly from: string
    /** Name of the new role. */
    readonly to: string
  }
  /** IMDS lists no role any more. The cached credentials are used until they expire. Published once per detachment. */
  readonly 'instance-role:role-detached': CredentialsEvent
  /** A call failed: the first one ever, or the first one since calls last succeeded. */
  readonly 'instance-role:calls-failing': FailureEvent & {
    /** When that call failed. */
    readonly since: string
    /** The role whose credentials expired. Absent if there never were any. */
    readonly roleName?: string
  }
  /** There are credentials again after calls failed. */
  readonly 'instance-role:calls-recovered': {
    /** When the first of those calls failed. */
    readonly since: string
    /** Number of calls that failed. */
    readonly failedCalls: number
  }
  /** IMDSv1 was used, because `imdsV1Fallback` allows it. */
  readonly 'instance-role:v1-used': {
    /** Base URL of IMDS. */
    readonly endpoint: string
  }
}

/** Name of a `node:diagnostics_channel` channel of this library. */
export type InstanceRoleEventName = keyof InstanceRoleEvents

/** Keeps the channels: if one is collected, Node can lose a later subscriber to it (nodejs/node#59910). */
const channels = new Map<string, Channel>()

/** Publishes each payload on the channel of its name. Costs almost nothing while nobody subscribes. */
export function publish(events: Partial<InstanceRoleEvents>): void {
  for (const [name, payload] of Object.entries(events)) {
    const known = channels.get(name) ?? diagnosticsChannel.channel(name)
    channels.set(name, known)
    if (known.hasSubscribers) known.publish(payload)
  }
}

export function failureEvent({ code, step }: InstanceRoleError): FailureEvent {
  return { errorCode: code, ...(step !== undefined && { step }) }
}
