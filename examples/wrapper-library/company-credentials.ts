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
  /** Whether the environment takes precedence, as on a developer's machine. */
  readonly preferEnvironment?: boolean
  /** The role that the service must run with. Any other role is refused. */
  readonly role?: string
  /** Passed on to `fromInstanceRole()`. */
  readonly instanceRole?: Omit<InstanceRoleOptions, 'logger' | 'roleName'>
}

/** A credentials function for SDK clients, with the members that the company's services use. */
export interface CompanyCredentials extends AwsCredentialIdentityProvider {
  /** Tells the SDK not to add its own cache: this function knows the lifetimes. */
  memoized: boolean
  readonly instanceRole: InstanceRoleProvider
  status(): InstanceRoleStatus
  close(): Promise<void>
}

/** The error that the company's services catch. */
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

/** The SDK's `Logger` takes any number of arguments. This library passes one text per line. */
function toLogger(log: WriteLog): NonNullable<InstanceRoleOptions['logger']> {
  const at =
    (level: 'info' | 'warn' | 'error') =>
    (...content: unknown[]): void =>
      log({ level, text: content.map(String).join(' ') })
  return { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') }
}
