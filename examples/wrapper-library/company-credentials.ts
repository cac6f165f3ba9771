import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@aws-sdk/types'
import { createCredentialChain, fromEnv } from '@aws-sdk/credential-providers'
import {
  fromInstanceRole,
  InstanceRoleError,
  type InstanceRoleErrorCode,
  type InstanceRoleOptions,
  type InstanceRoleProvider,
  type InstanceRoleStatus,
} from 'instance-role'

/** How this company logs: one function for everything. */
export type WriteLog = (entry: { readonly level: 'info' | 'warn' | 'error'; readonly text: string }) => void

export interface CompanyCredentialsOptions {
  readonly log?: WriteLog
  /** Whether the environment goes first, as on a developer's machine. */
  readonly preferEnvironment?: boolean
  /** The role that the service must run as; any other is refused. */
  readonly role?: string
  /** What is passed on to `fromInstanceRole()` as it is. */
  readonly instanceRole?: Omit<InstanceRoleOptions, 'logger' | 'roleName'>
}

/** The company's credentials: a function for SDK clients, with the members that its services use. */
export interface CompanyCredentials extends AwsCredentialIdentityProvider {
  /** Tells the SDK not to cache on top: caching is done where the lifetimes are known. */
  memoized: boolean
  readonly instanceRole: InstanceRoleProvider
  status(): InstanceRoleStatus
  close(): Promise<void>
}

/** What the company's services catch, in their words. */
export class NoCompanyCredentials extends Error {
  override readonly name = 'NoCompanyCredentials'
  readonly reason: InstanceRoleErrorCode
  readonly remedy: string

  constructor(cause: InstanceRoleError) {
    super(`no credentials: ${cause.message}`, { cause })
    this.reason = cause.code
    this.remedy = cause.fix === undefined ? cause.hint : `${cause.hint} ${cause.fix}`
  }
}

export function companyCredentials(options: CompanyCredentialsOptions = {}): CompanyCredentials {
  const { log, preferEnvironment = false, role, instanceRole: rest = {} } = options
  const instanceRole = fromInstanceRole({ ...rest, roleName: role, logger: log && toLogger(log) })
  const chain = preferEnvironment ? createCredentialChain(fromEnv(), instanceRole) : instanceRole
  const provide = (properties?: Parameters<typeof chain>[0]): Promise<AwsCredentialIdentity> =>
    chain(properties).catch((error: unknown) => {
      throw error instanceof InstanceRoleError ? new NoCompanyCredentials(error) : error
    })
  return Object.assign(provide, {
    memoized: true,
    instanceRole,
    status: () => instanceRole.status(),
    close: () => instanceRole.close(),
  })
}

/** The SDK's `Logger` takes anything in any number; the lines of this library are one text each. */
function toLogger(log: WriteLog): NonNullable<InstanceRoleOptions['logger']> {
  const at =
    (level: 'info' | 'warn' | 'error') =>
    (...content: unknown[]): void =>
      log({ level, text: content.map(String).join(' ') })
  return { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') }
}
