import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as CredentialProviders from '@aws-sdk/credential-providers'
import type { GivenCredentials } from '../testing/index.js'

/** A failure to get real credentials, in a line for the user. */
export class AssumeRoleError extends Error {
  override readonly name = 'AssumeRoleError'
}

/** Gets a fresh set of a role's credentials from STS. */
export type AssumeRole = () => Promise<GivenCredentials>

/**
 * Takes the developer's own AWS credentials, wherever the AWS SDK finds them, to STS for those of the role.
 *
 * @throws {AssumeRoleError} when `@aws-sdk/credential-providers` is not installed
 */
export async function createAssumeRole(arn: string, durationSeconds: number): Promise<AssumeRole> {
  const { fromTemporaryCredentials } = await loadCredentialProviders()
  const provider = fromTemporaryCredentials({
    params: { RoleArn: arn, RoleSessionName: 'instance-role-emulate', DurationSeconds: durationSeconds },
    // The SDK's own handler waits for ever.
    clientConfig: { requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000 } },
  })
  return async () => {
    try {
      return requireComplete(await provider())
    } catch (error) {
      throw new AssumeRoleError(`STS gave no credentials of ${arn}: ${firstLine(error)}`)
    }
  }
}

type Module = Pick<typeof CredentialProviders, 'fromTemporaryCredentials'>

/** From beside this package, or from the project in which the command is run. */
async function loadCredentialProviders(): Promise<Module> {
  try {
    return await import('@aws-sdk/credential-providers')
  } catch {
    return loadFromProject()
  }
}

async function loadFromProject(): Promise<Module> {
  try {
    const { resolve } = createRequire(join(process.cwd(), 'package.json'))
    const loaded: unknown = await import(pathToFileURL(resolve('@aws-sdk/credential-providers')).href)
    if (isModule(loaded)) return loaded
  } catch {
    // Told below.
  }
  throw new AssumeRoleError(
    '--assume-role needs @aws-sdk/credential-providers: npm install @aws-sdk/credential-providers',
  )
}

function isModule(value: unknown): value is Module {
  return typeof value === 'object' && value !== null && 'fromTemporaryCredentials' in value
}

type AwsCredentials = Awaited<ReturnType<ReturnType<Module['fromTemporaryCredentials']>>>

function requireComplete(credentials: AwsCredentials): GivenCredentials {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials
  if (sessionToken === undefined || expiration === undefined)
    throw new Error('the answer lacks a session token or an expiration')
  return { accessKeyId, secretAccessKey, sessionToken, expiration }
}

/** What STS quotes of a request whose signature it refuses, the session token included, begins on the second line. */
function firstLine(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const [line = ''] = error.message.split('\n')
  return line === '' ? error.name : `${error.name}: ${line}`
}
